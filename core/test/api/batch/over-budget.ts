import { type DataSet, type Environment, job, memoryLog } from '../../../src/index.ts'

export type Shape = 'sort' | 'join' | 'groups' | 'sorted groups'

export interface OverBudget {
  readonly shape: Shape
  readonly count: number
  readonly memoryBudget: number
}

export interface Used {
  readonly results: number
  readonly spilledBytes: number
  /** By which the process has grown, at most. */
  readonly grownBytes: number
}

interface Row {
  readonly key: number
  readonly text: string
}

/** About 230 bytes on the heap. */
const row = (n: number): Row => ({ key: Math.imul(n, 0x9e3779b1) >>> 0, text: `${n} `.padEnd(150, 'text ') })

const jobs: Readonly<Record<Shape, (env: Environment, count: number) => DataSet<unknown>>> = {
  sort: (env, count) => rows(env, count).sort('key'),
  join: (env, count) =>
    rows(env, count).join(rows(env, count), { key: 'key', by: 'key' }, (left, right) => left.key - right.key),
  groups: (env, count) =>
    rows(env, count)
      .groupBy('key')
      .reduce((left) => left),
  'sorted groups': (env, count) =>
    rows(env, count)
      .groupBy(({ key }) => key % 1000)
      .sortGroup('key')
      .reduceGroup((values) => values),
}

const rows = (env: Environment, count: number): DataSet<Row> => env.generate({ make: row, count }).bounded()

/** One job, in a process of its own: what is measured is its memory. */
const { shape, count, memoryBudget }: OverBudget = JSON.parse(process.argv[2] ?? '{}')
// What the first job of a process loads and compiles is no part of the data.
await job('first', (env) => void jobs[shape](env, 1_000).count().collect([])).run({ memoryBudget })
const before = process.resourceUsage().maxRSS
const counts: number[] = []
const handle = job('over', (env) => void jobs[shape](env, count).count().collect(counts)).start({
  log: memoryLog(),
  memoryBudget,
})
await handle.done
const spilled = /^millrace_spilled_bytes\S* (\d+)$/gm
const used: Used = {
  results: counts[0] ?? 0,
  spilledBytes: [...handle.metrics().matchAll(spilled)].reduce((sum, [, bytes]) => sum + Number(bytes), 0),
  grownBytes: (process.resourceUsage().maxRSS - before) * 1024,
}
console.log(JSON.stringify(used))
