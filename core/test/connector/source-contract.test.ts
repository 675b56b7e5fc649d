import { describe, expect, it } from 'vitest'
import { generatorSource } from '../../src/connector/generator.ts'
import { iterableSource } from '../../src/connector/iterable.ts'
import type { Source } from '../../src/connector/source.ts'
import { sourceContract } from '../../src/testing/index.ts'

const numbers = Array.from({ length: 60 }, (_, n) => n)
const sources: Record<string, () => Source<unknown>> = {
  'an array': () => iterableSource(numbers),
  'a function that makes an iterable': () => iterableSource(() => numbers.values()),
  'an iterator that can be read once': () => iterableSource(numbers.values()),
  'an async iterable': () =>
    iterableSource(async function* () {
      for (const n of numbers) {
        if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
        yield n
      }
    }),
  'a generator of so many records': () => generatorSource({ make: (n) => `record ${n}`, count: 61, splits: 3 }),
  'a generator without an end': () => generatorSource({ make: (n) => n }),
  'a generator with a rate': () => generatorSource({ make: (n) => n, count: 200, ratePerSecond: 50_000, splits: 2 }),
}

for (const [name, create] of Object.entries(sources)) {
  describe(`the source over ${name}`, () => {
    for (const { name: sentence, check } of sourceContract({ create })) it(sentence, check)
  })
}

/** The sentences that a source breaks. */
async function brokenBy(create: () => Source<unknown, unknown>): Promise<string[]> {
  const broken: string[] = []
  for (const { name, check } of sourceContract({ create, recordsPerSplit: 20 })) {
    await check().catch(() => broken.push(name))
  }
  return broken
}

describe('the contract of sources', () => {
  const list = numbers.slice(0, 20)
  /** A source over the list, with one thing done in another way. */
  const over = (
    change: (at: { next: number }) => Partial<ReturnType<Source<number, unknown>['open']>>,
    position: (from: unknown) => number = (from) => (from as number | null) ?? 0,
  ): Source<unknown, unknown> => ({
    name: 'list',
    bounded: true,
    replayable: true,
    splits: () => 1,
    open(_split, from) {
      const at = { next: position(from) }
      return {
        poll(emit, budget) {
          for (let left = budget; left > 0 && at.next < list.length; left--) emit(list[at.next++] as number, 0)
          return at.next < list.length ? 'more' : 'end'
        },
        position: () => at.next,
        close: async () => {},
        ...change(at),
      }
    },
  })

  it('holds for a plain list', async () => {
    expect(await brokenBy(() => over(() => ({})))).toEqual([])
  })

  it('is broken by a source that gives more than it is asked for', async () => {
    const greedy = (): Source<unknown, unknown> =>
      over((at) => ({
        poll(emit) {
          while (at.next < list.length) emit(list[at.next++] as number, 0)
          return 'end'
        },
      }))
    expect(await brokenBy(greedy)).toContain('gives at most as many records as a poll asks for')
  })

  it('is broken by a position that is one off', async () => {
    const off = (): Source<unknown, unknown> => over((at) => ({ position: () => Math.max(0, at.next - 1) }))
    expect(await brokenBy(off)).toContain('goes on from any position with the record after the last one')
  })

  it('is broken by a position that changes later', async () => {
    const shared = (): Source<unknown, unknown> =>
      over(
        (at) => ({ position: () => at }),
        (from) => (from as { next: number } | null)?.next ?? 0,
      )
    expect(await brokenBy(shared)).toEqual(['leaves a position alone that it has given'])
  })

  it('is broken by timestamps that are no times', async () => {
    const untimed = (): Source<unknown, unknown> =>
      over((at) => ({
        poll(emit, budget) {
          for (let left = budget; left > 0 && at.next < list.length; left--) {
            emit(list[at.next++] as number, Number.NaN)
          }
          return at.next < list.length ? 'more' : 'end'
        },
      }))
    expect(await brokenBy(untimed)).toEqual(['gives records with a timestamp in milliseconds, or with none'])
  })

  it('is broken by records that differ from run to run', async () => {
    let runs = 0
    const random = (): Source<unknown, unknown> => {
      const run = runs++
      return over((at) => ({
        poll(emit, budget) {
          for (let left = budget; left > 0 && at.next < list.length; left--) emit(run + at.next++, 0)
          return at.next < list.length ? 'more' : 'end'
        },
      }))
    }
    expect(await brokenBy(random)).toContain('gives the same records each time it is read')
  })
})
