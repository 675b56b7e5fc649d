import { describe, expect, it } from 'vitest'
import type { RoundMark } from '../../../src/operator/loop/round.ts'
import { RoundAlignment } from '../../../src/operator/loop/round-alignment.ts'

const start = (round: number): RoundMark => ({ kind: 'start', round, aggregates: {} })
const end = (round: number, records = 0): RoundMark => ({
  kind: 'end',
  round,
  tallies: [{ records, aggregates: {} }],
})

describe('the rounds of several channels', () => {
  it('begin with the first and end with the last, with what each has seen in their order', () => {
    const rounds = new RoundAlignment(2)
    expect(rounds.onMark(1, start(1))).toEqual(start(1))
    expect(rounds.onMark(0, start(1))).toBeNull()
    expect(rounds.onMark(1, end(1, 7))).toBeNull()
    expect(rounds.onMark(0, end(1, 3))).toEqual({
      kind: 'end',
      round: 1,
      tallies: [
        { records: 3, aggregates: {} },
        { records: 7, aggregates: {} },
      ],
    })
  })

  it('wait for a channel from outside the loop until it has ended, and never again', () => {
    const rounds = new RoundAlignment(2)
    expect(rounds.onMark(0, end(0))).toBeNull()
    expect(rounds.onEnd(1)).toMatchObject({ kind: 'end', round: 0 })
    expect(rounds.onMark(0, end(1))).toMatchObject({ kind: 'end', round: 1 })
    expect(rounds.onEnd(1)).toBeNull()
  })

  it('say nothing when all that is outside ends before a round does', () => {
    const rounds = new RoundAlignment(2)
    expect(rounds.onEnd(1)).toBeNull()
    expect(rounds.onMark(0, end(0))).toMatchObject({ kind: 'end', round: 0 })
  })

  it('are over when they are on all channels', () => {
    const rounds = new RoundAlignment(2)
    for (const channel of [0, 1]) rounds.onMark(channel, end(4))
    expect(rounds.onMark(0, { kind: 'over', round: 4 })).toBeNull()
    expect(rounds.onMark(1, { kind: 'over', round: 4 })).toEqual({ kind: 'over', round: 4 })
  })

  it('go on after a restart where they were', () => {
    const rounds = new RoundAlignment(2)
    rounds.onMark(0, start(3))
    rounds.onMark(0, end(3, 5))
    const stored = rounds.snapshot()
    const restored = new RoundAlignment(2)
    restored.restore(structuredClone(stored) as NonNullable<typeof stored>)
    expect(restored.onMark(1, start(3))).toBeNull()
    expect(restored.onMark(1, end(3, 1))).toMatchObject({ tallies: [{ records: 5 }, { records: 1 }] })
  })

  it('have nothing to remember outside of loops', () => {
    const rounds = new RoundAlignment(2)
    rounds.onEnd(0)
    rounds.onEnd(1)
    expect(rounds.snapshot()).toBeNull()
  })
})
