import { describe, expect, it } from 'vitest'
import { UnionOperator } from '../../src/operator/union.ts'
import { OperatorHarness } from './operator-harness.ts'

describe('an operator with several inputs', () => {
  it('gives the least watermark of its inputs', () => {
    const harness = new OperatorHarness(new UnionOperator(2))
    harness.watermark(10, 0)
    expect(harness.elements).toEqual([])
    harness.watermark(5, 1)
    harness.watermark(20, 1)
    expect(harness.elements).toEqual([{ watermark: 5 }, { watermark: 10 }])
  })

  it('does not wait for an idle input, and is idle when all are', () => {
    const harness = new OperatorHarness(new UnionOperator(2))
    harness.watermark(10, 0)
    harness.idle(true, 1)
    harness.idle(true, 0)
    harness.idle(false, 1)
    expect(harness.elements).toEqual([{ watermark: 10 }, { idle: true }, { idle: false }])
  })

  it('never takes a watermark back when an idle input wakes up behind', () => {
    const harness = new OperatorHarness(new UnionOperator(2))
    harness.watermark(10, 0)
    harness.idle(true, 1)
    harness.idle(false, 1)
    harness.watermark(3, 1)
    harness.watermark(20, 0)
    expect(harness.elements).toEqual([{ watermark: 10 }])
  })

  it('holds what comes behind a barrier until the other input has it', () => {
    const harness = new OperatorHarness(new UnionOperator(2))
    harness.send('a', 1, 0)
    harness.barrier(1, 0)
    harness.send('b', 2, 0)
    harness.watermark(2, 0)
    harness.send('x', 1, 1)
    harness.watermark(5, 1)
    harness.barrier(1, 1)
    expect(harness.elements).toEqual([
      { record: 'a', timestamp: 1 },
      { record: 'x', timestamp: 1 },
      { barrier: 1 },
      { record: 'b', timestamp: 2 },
      { watermark: 2 },
    ])
  })

  it('keeps what is behind a second barrier for the epoch after', () => {
    const harness = new OperatorHarness(new UnionOperator(2))
    harness.barrier(1, 0)
    harness.send('second epoch', 1, 0)
    harness.barrier(2, 0)
    harness.send('third epoch', 1, 0)
    harness.barrier(1, 1)
    expect(harness.records).toEqual(['second epoch'])
    harness.barrier(2, 1)
    expect(harness.elements).toEqual([
      { barrier: 1 },
      { record: 'second epoch', timestamp: 1 },
      { barrier: 2 },
      { record: 'third epoch', timestamp: 1 },
    ])
  })

  it('ends when all inputs have ended', () => {
    const harness = new OperatorHarness(new UnionOperator(2))
    harness.end(0)
    expect(harness.elements).toEqual([])
    harness.end(1)
    expect(harness.elements).toEqual([{ end: true }])
  })
})
