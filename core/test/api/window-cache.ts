import {
  type Collector,
  type Job,
  job,
  json,
  type RunOptions,
  sessions,
  silentLogger,
  sliding,
  tumbling,
  watermarks,
} from '../../src/index.ts'
import type { Log } from '../../src/log/log.ts'
import { Random } from '../../src/structure/random.ts'
import { reachRows, sortedRows, writeJson } from './stored-job.ts'

const KEYS = 1_000
export const CACHED_KEYS: number = KEYS / 10
const RECORDS = 5_000
const PARTITIONS = 4
const STEP_MS = 20
const END_MS = 10 * RECORDS * STEP_MS

interface Hit {
  readonly page: number
  readonly n: number
  readonly time: number
}

interface Row {
  readonly kind: 'tumbling' | 'sliding' | 'session'
  readonly page: number
  readonly start: number
  readonly n: number
}

/** Windows of three operators over far more pages than the cache of each holds. */
function windowing(name: string): Job {
  return job(name, (env) => {
    const time = watermarks.monotonous<Hit>((hit) => hit.time)
    const byPage = env.topic(`${name}-in`, json<Hit>(), { time }).keyBy('page')
    const add = (a: Hit, b: Hit): Hit => ({ ...a, n: a.n + b.n })
    const slidden = byPage
      .window(sliding(40_000, 20_000))
      .reduce(add, ({ n }, { key, window }): Row => ({ kind: 'sliding', page: key, start: window.start, n }))
    const gathered = byPage.window(sessions(30_000)).process({
      onWindow: (hits, { key, window }, out: Collector<Row>) =>
        out.emit({ kind: 'session', page: key, start: window.start, n: sumOf(hits) }),
      onClear() {},
    })
    byPage
      .window(tumbling(50_000))
      .process((hits, { key, window }, out: Collector<Row>) =>
        out.emit({ kind: 'tumbling', page: key, start: window.start, n: sumOf(hits) }),
      )
      .union(slidden, gathered)
      .toTopic(`${name}-out`, json())
  })
}

function sumOf(hits: readonly Hit[]): number {
  return hits.reduce((sum, { n }) => sum + n, 0)
}

function hits(): Hit[] {
  const random = new Random(6)
  return Array.from({ length: RECORDS }, (_, n) => ({ page: random.integer(KEYS), n, time: n * STEP_MS }))
}

/** What the job must say, with everything in plain maps. */
function expected(): string[] {
  const rows = new Map<string, { kind: Row['kind']; page: number; start: number; n: number }>()
  const add = (kind: Row['kind'], { page, n }: Hit, start: number): void => {
    const id = `${kind} ${page} ${start}`
    const row = rows.get(id) ?? { kind, page, start, n: 0 }
    row.n += n
    rows.set(id, row)
  }
  const last = new Map<number, { start: number; time: number }>()
  for (const hit of hits()) {
    add('tumbling', hit, Math.floor(hit.time / 50_000) * 50_000)
    const slide = Math.floor(hit.time / 20_000) * 20_000
    for (const start of [slide - 20_000, slide]) add('sliding', hit, start)
    const before = last.get(hit.page)
    const start = before === undefined || hit.time > before.time + 30_000 ? hit.time : before.start
    last.set(hit.page, { start, time: hit.time })
    add('session', hit, start)
  }
  return [...rows.values()].map((row) => JSON.stringify(row)).sort()
}

/** Runs the job with a stop in the middle. Gives what it said and what it should have said. */
export async function windowPages(
  log: Log,
  name: string,
  run: RunOptions,
): Promise<{ readonly rows: string[]; readonly expected: string[] }> {
  await log.createTopics(['in', 'out'].map((kind) => ({ name: `${name}-${kind}`, partitions: PARTITIONS })))
  const all = hits()
  const wanted = expected()
  const rows = (): Promise<string[]> => sortedRows(log, `${name}-out`, PARTITIONS)
  for (const [half, atLeast] of [
    [all.slice(0, RECORDS / 2), wanted.length / 8],
    [all.slice(RECORDS / 2), wanted.length],
  ] as const) {
    await write(log, `${name}-in`, half, atLeast === wanted.length)
    const handle = windowing(name).start({
      logger: silentLogger,
      epochInterval: 100,
      stateCache: { maxKeys: CACHED_KEYS },
      ...run,
    })
    await reachRows(handle, rows, atLeast)
    await handle.stop()
  }
  return { rows: await rows(), expected: wanted }
}

/** The last records of all partitions are there for their time only, and fall into windows that never end. */
async function write(log: Log, topic: string, list: readonly Hit[], isLast: boolean): Promise<void> {
  const ends = Array.from({ length: PARTITIONS }, (_, page): Hit => ({ page, n: 0, time: END_MS }))
  await writeJson(log, topic, [...list, ...(isLast ? ends : [])], ({ page, time }) => ({
    partition: page % PARTITIONS,
    time,
  }))
}
