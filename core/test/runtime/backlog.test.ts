import { describe, expect, it } from 'vitest'
import { Backlog } from '../../src/runtime/backlog.ts'

describe('a partition', () => {
  it('is behind from beyond a bound until within half of it', () => {
    const backlog = new Backlog({ maxLag: 100, maxDelayMs: null })
    expect([90, 100, 101, 60, 51, 50, 60].map((lag) => backlog.isBehind(lag, 0))).toEqual([
      ...[false, false, true],
      ...[true, true, false, false],
    ])
  })

  it('is behind by event time only while there is something to read', () => {
    const backlog = new Backlog({ maxLag: null, maxDelayMs: 1_000 })
    expect([
      backlog.isBehind(5, 2_000),
      backlog.isBehind(5, 600),
      backlog.isBehind(5, 500),
      backlog.isBehind(5, 2_000),
      backlog.isBehind(0, 2_000),
    ]).toEqual([true, true, false, true, false])
  })

  it('is behind by either bound, and as it was while the end is not known', () => {
    const backlog = new Backlog({ maxLag: 10, maxDelayMs: 1_000 })
    expect([
      backlog.isBehind(null, 5_000),
      backlog.isBehind(20, 0),
      backlog.isBehind(null, 0),
      backlog.isBehind(1, 2_000),
      backlog.isBehind(1, 0),
    ]).toEqual([false, true, true, true, false])
  })

  it('is behind as long as it goes on when all of it is a backlog', () => {
    expect(new Backlog('all').isBehind(0, 0)).toBe(true)
  })
})
