import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type JoinStrategy, job, StreamError } from '../../../src/index.ts'
import { run } from './run-batch.ts'

const types = ['inner', 'left', 'right', 'full'] as const
const strategies = [
  'broadcast-left',
  'broadcast-right',
  'repartition-hash',
  'repartition-sort-merge',
  undefined,
] as const

interface Side {
  readonly key: string
  readonly id: number
}

const side = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), id: fc.nat(99) }), {
  maxLength: 25,
})

function oracle(left: readonly Side[], right: readonly Side[], type: (typeof types)[number]): string[] {
  const pairs: [number | null, number | null][] = []
  for (const own of left) {
    const partners = right.filter(({ key }) => key === own.key)
    for (const partner of partners) pairs.push([own.id, partner.id])
    if (partners.length === 0 && (type === 'left' || type === 'full')) pairs.push([own.id, null])
  }
  if (type === 'right' || type === 'full') {
    for (const own of right) if (!left.some(({ key }) => key === own.key)) pairs.push([null, own.id])
  }
  return pairs.map((pair) => JSON.stringify(pair)).toSorted()
}

function isRefused(strategy: JoinStrategy | undefined, type: (typeof types)[number]): boolean {
  if (strategy === 'broadcast-left') return type === 'left' || type === 'full'
  return strategy === 'broadcast-right' && (type === 'right' || type === 'full')
}

describe('a join of data sets', () => {
  for (const type of types) {
    it(`gives what a nested loop gives: ${type}, by every strategy`, { timeout: 60_000 }, async () => {
      for (const strategy of strategies) {
        if (isRefused(strategy, type)) continue
        for (const [parallelism, memoryBudget] of [
          [1, 1],
          [1, 2 ** 26],
          [2, 2 ** 26],
          [4, 1],
        ] as const) {
          await fc.assert(
            fc.asyncProperty(side, side, async (left, right) => {
              const joined = await run(
                (env) =>
                  env
                    .from(left)
                    .rebalance()
                    .bounded()
                    .join(
                      env.from(right).rebalance().bounded(),
                      { key: 'key', by: (row) => row.key, type, ...(strategy === undefined ? {} : { strategy }) },
                      (own, other) => [own?.id ?? null, other?.id ?? null],
                    ),
                { parallelism, memoryBudget },
              )
              expect(joined.map((pair) => JSON.stringify(pair)).toSorted()).toEqual(oracle(left, right, type))
            }),
            { numRuns: 4 },
          )
        }
      }
    })
  }

  it('is refused where each task would give records without a partner', () => {
    for (const [type, strategy] of [
      ['left', 'broadcast-left'],
      ['full', 'broadcast-left'],
      ['right', 'broadcast-right'],
    ] as const) {
      const refused = job('refused', (env) => {
        const data = env.from([{ key: 'a' }]).bounded()
        data.join(data, { key: 'key', by: 'key', type, strategy }, (left, right) => [left, right]).print()
      })
      expect(() => refused.build()).toThrow(expect.objectContaining({ code: 'GRAPH_INVALID' }))
    }
  })
})

describe('bounded operators', () => {
  it('are refused behind a source that does not end, which the error names', () => {
    const endless = job('endless', (env) => {
      env
        .generate({ make: (index) => ({ index }), ratePerSecond: 1 })
        .bounded()
        .groupBy('index')
        .count()
        .print()
    })
    const thrown = (() => {
      try {
        endless.explain()
      } catch (error) {
        return error
      }
      return null
    })()
    expect(StreamError.is(thrown)).toBe(true)
    expect(thrown).toMatchObject({
      code: 'GRAPH_INVALID',
      message: expect.stringContaining("'generator-source' does not end"),
    })
  })
})
