import { readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { DataSet, Environment } from '../../../src/index.ts'
import { Random } from '../../../src/structure/random.ts'
import { run, runMeasured } from './run-batch.ts'

interface Item {
  readonly key: number
  readonly group: string
  readonly text: string
}

const COUNT = 20_000
const BUDGET = 256 * 1024
/** More than twelve times the budget, as the operators estimate it. */
const items: readonly Item[] = (() => {
  const random = new Random(7)
  return Array.from({ length: COUNT }, (_, n) => ({
    key: random.integer(1_000_000),
    group: `group ${random.integer(6_000)}`,
    text: `text of the item ${n}`,
  }))
})()

const data = (env: Environment): DataSet<Item> => env.from(items).bounded()

/** An operator may be over its part by one record, and holds some of a key map's parts a little longer. */
const SLACK = 1.1

describe('within a memory budget that is a small part of the data,', () => {
  it('sorts, by runs on disk that are merged', async () => {
    const { values, spilledBytes, peakBytes } = await runMeasured(
      (env) =>
        data(env)
          .sort('key')
          .map(({ key }) => key),
      {
        memoryBudget: BUDGET,
      },
    )
    expect(values).toEqual(items.map(({ key }) => key).toSorted((a, b) => a - b))
    expect(spilledBytes).toBeGreaterThan(COUNT * 30)
    expect(peakBytes).toBeLessThan(BUDGET * SLACK)
    expect(peakBytes).toBeGreaterThan(0)
  })

  it('groups, by partitions on disk', async () => {
    const { values, spilledBytes, peakBytes } = await runMeasured(
      (env) =>
        data(env)
          .groupBy('group')
          .reduce((left, right) => (left.key > right.key ? left : right)),
      { memoryBudget: BUDGET },
    )
    const expected = [...Map.groupBy(items, ({ group }) => group)].map(([group, own]) => [
      group,
      Math.max(...own.map(({ key }) => key)),
    ])
    expect(new Map(values.map(({ group, key }) => [group, key]))).toEqual(new Map(expected as [string, number][]))
    expect(spilledBytes).toBeGreaterThan(BUDGET)
    expect(peakBytes).toBeLessThan(BUDGET * SLACK)
  })

  for (const strategy of ['repartition-hash', 'repartition-sort-merge'] as const) {
    it(`joins (${strategy})`, async () => {
      const { values, spilledBytes, peakBytes } = await runMeasured(
        (env) =>
          data(env).join(data(env), { key: 'group', by: 'group', strategy }, (left, right) => left.key - right.key),
        { memoryBudget: BUDGET },
      )
      const groups = Map.groupBy(items, ({ group }) => group)
      expect(values.length).toBe([...groups.values()].reduce((sum, own) => sum + own.length ** 2, 0))
      expect(values.reduce((sum, difference) => sum + difference, 0)).toBe(0)
      expect(spilledBytes).toBeGreaterThan(COUNT * 30)
      expect(peakBytes).toBeLessThan(BUDGET * SLACK)
    })
  }

  it('joins where one key has nearly all records of both sides', { timeout: 60_000 }, async () => {
    const skewed = Array.from({ length: 600 }, (_, n) => ({ id: n, key: n % 100 === 0 ? n : -1, text: 'x'.repeat(40) }))
    const values = await run(
      (env) =>
        env
          .from(skewed)
          .bounded()
          .join(env.from(skewed).bounded(), { key: 'key', by: 'key', strategy: 'repartition-hash' }, () => 1)
          .count(),
      { memoryBudget: 20_000 },
    )
    expect(values).toEqual([594 ** 2 + 6])
  })

  it('hands groups to functions that are larger than the budget', async () => {
    const { values, peakBytes } = await runMeasured(
      (env) =>
        data(env)
          .groupBy(() => 'all')
          .sortGroup('key')
          .reduceGroup((values) => {
            let count = 0
            let last = -1
            for (const { key } of values) {
              if (key < last) throw new Error('out of order')
              last = key
              count++
            }
            return [count]
          }),
      { memoryBudget: BUDGET },
    )
    expect(values).toEqual([COUNT])
    expect(peakBytes).toBeLessThan(BUDGET * SLACK)
  })

  it('does not read a group twice, and says so', async () => {
    const failing = run((env) =>
      data(env)
        .groupBy('group')
        .reduceGroup((values) => [[...values].length + [...values].length]),
    )
    await expect(failing).rejects.toThrow('can be read once')
  })
})

describe('temporary files', () => {
  it('leave no name behind, even while they are used', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-test-'))
    let seen = -1
    await run(
      (env) =>
        data(env)
          .sortPartition('key')
          .map((item) => {
            seen = readdirSync(directory).length
            return item
          }),
      { memoryBudget: BUDGET, spillDirectory: directory },
    )
    expect(seen).toBe(0)
    await rm(directory, { recursive: true })
  })

  it('that cannot be written fail the job with the directory and the reason', async () => {
    const failing = run((env) => data(env).sortPartition('key'), {
      memoryBudget: BUDGET,
      spillDirectory: '/dev/null/spill',
    })
    await expect(failing).rejects.toMatchObject({
      code: 'SPILL_FAILED',
      message: expect.stringContaining('/dev/null/spill'),
    })
  })

  it('are not made while everything fits', async () => {
    const { spilledBytes } = await runMeasured((env) => data(env).sort('key'))
    expect(spilledBytes).toBe(0)
  })
})
