import {
  type Collector,
  type Job,
  job,
  json,
  listState,
  type RunOptions,
  silentLogger,
  valueState,
} from '../../src/index.ts'
import type { Log } from '../../src/log/log.ts'
import { Random } from '../../src/structure/random.ts'
import { baseTime } from '../contract/log-contract/fixture.ts'
import { reachRows, sortedRows, writeJson } from './stored-job.ts'

const KEYS = 3_000
export const CACHED_KEYS = KEYS / 10
const RECORDS = 15_000
const PARTITIONS = 4

interface Hit {
  readonly page: number
  readonly n: number
}

interface Row {
  readonly page: number
  readonly count: number
  readonly last: readonly number[]
}

/** Counts hits of far more pages than its cache holds, and remembers the last ones of each. */
function counting(name: string): Job {
  return job(name, (env) => {
    env
      .topic(`${name}-in`, json<Hit>())
      .keyBy('page')
      .process({
        state: { count: valueState({ initial: 0 }), last: listState<number>() },
        onRecord({ page, n }, { state: { count, last } }, out: Collector<Row>) {
          count.set(count.get() + 1)
          last.set([...last.get().slice(-2), n])
          out.emit({ page, count: count.get(), last: [...last.get()] })
        },
      })
      .toTopic(`${name}-out`, json())
  })
}

function hits(): Hit[] {
  const random = new Random(5)
  return Array.from({ length: RECORDS }, (_, n) => ({ page: random.integer(KEYS), n }))
}

/** What the job must say, record for record, with everything in plain maps. */
function expected(): string[] {
  const counts = new Map<number, number>()
  const lasts = new Map<number, number[]>()
  return hits()
    .map(({ page, n }): Row => {
      const count = (counts.get(page) ?? 0) + 1
      const last = [...(lasts.get(page) ?? []).slice(-2), n]
      counts.set(page, count)
      lasts.set(page, last)
      return { page, count, last }
    })
    .map((row) => JSON.stringify(row))
    .sort()
}

/** Runs the job with a stop in the middle. Gives what it said and what it should have said. */
export async function countPages(
  log: Log,
  name: string,
  run: RunOptions,
): Promise<{ readonly rows: string[]; readonly expected: string[] }> {
  await log.createTopics(['in', 'out'].map((kind) => ({ name: `${name}-${kind}`, partitions: PARTITIONS })))
  const all = hits()
  const rows = (): Promise<string[]> => sortedRows(log, `${name}-out`, PARTITIONS)
  for (const half of [all.slice(0, RECORDS / 2), all.slice(RECORDS / 2)]) {
    await write(log, `${name}-in`, half)
    const wanted = (await rows()).length + half.length
    const handle = counting(name).start({
      logger: silentLogger,
      epochInterval: 100,
      stateCache: { maxKeys: CACHED_KEYS },
      ...run,
    })
    await reachRows(handle, rows, wanted)
    await handle.stop()
  }
  return { rows: await rows(), expected: expected() }
}

async function write(log: Log, topic: string, list: readonly Hit[]): Promise<void> {
  // By page, so that the order of a page's hits is given.
  await writeJson(log, topic, list, ({ page }) => ({ partition: page % PARTITIONS, time: baseTime() }))
}
