import { describe, expect, it } from 'vitest'
import { type OperatorList, type OperatorState, redistribute } from '../../src/operator/operator-state.ts'

function list(mode: OperatorList['mode'], ...items: number[]): OperatorList {
  return { mode, format: 'byte@1', items: items.map((item) => Uint8Array.of(item)) }
}

function itemsOf(states: readonly OperatorState[], name: string): number[][] {
  return states.map((state) => (state[name]?.items ?? []).map(([item]) => item as number))
}

describe('the state of operators at another number of tasks', () => {
  const before = [
    { a: list('split', 1, 2, 3), b: list('union', 1), c: list('broadcast', 7, 8) },
    { a: list('split', 4, 5), b: list('union', 2), c: list('broadcast', 7, 8) },
  ]

  it('is dealt out in turn where it is split', () => {
    expect(itemsOf(redistribute(before, 3), 'a')).toEqual([[1, 4], [2, 5], [3]])
    expect(itemsOf(redistribute(before, 1), 'a')).toEqual([[1, 2, 3, 4, 5]])
  })

  it('is given to every task in full where it is a union', () => {
    expect(itemsOf(redistribute(before, 3), 'b')).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ])
  })

  it('is given once to every task where it was broadcast', () => {
    expect(itemsOf(redistribute(before, 3), 'c')).toEqual([
      [7, 8],
      [7, 8],
      [7, 8],
    ])
  })

  it('may be missing at some tasks', () => {
    expect(itemsOf(redistribute([{}, { a: list('split', 9) }], 2), 'a')).toEqual([[9], []])
  })
})
