import {
  type Collector,
  type Job,
  job,
  json,
  mapState,
  type RunOptions,
  silentLogger,
  valueState,
} from '../../src/index.ts'
import type { Log } from '../../src/log/log.ts'
import { Random } from '../../src/structure/random.ts'
import { baseTime } from '../contract/log-contract/fixture.ts'
import { reachRows, sortedRows, writeJson } from './stored-job.ts'

const KEYS = 2_000
const RECORDS = 10_000
const PARTITIONS = 4
/** The last one asks for the sums. */
const RULES = [1, 2, 3, 4, 0]

interface Hit {
  readonly page: number
  readonly n: number
}

/** Tells each rule to each page once, whichever comes first, with far more pages than the cache holds. */
function ruling(name: string): Job {
  return job(name, (env) => {
    const rules = env.topic(`${name}-rules`, json<number>())
    env
      .topic(`${name}-in`, json<Hit>())
      .keyBy('page')
      .connect(rules.broadcast({ state: { rules: mapState<number, true>() } }))
      .process({
        state: { count: valueState({ initial: 0 }), sum: valueState({ initial: 0 }) },
        onRecord({ page, n }, { state: { count, sum }, broadcast }, out: Collector<unknown>) {
          if (count.get() === 0) {
            for (const rule of broadcast.rules.keys()) {
              sum.set(sum.get() + rule)
              out.emit({ page, rule })
            }
          }
          count.set(count.get() + 1)
          out.emit({ page, n, count: count.get() })
        },
        onBroadcast(rule, { broadcast, forEachKey }, out: Collector<unknown>) {
          if (rule > 0) broadcast.rules.set(rule, true)
          forEachKey(({ key: page, state: { count, sum } }) => {
            if (rule > 0) sum.set(sum.get() + rule)
            out.emit(rule > 0 ? { page, rule } : { page, total: count.get(), sum: sum.get() })
          })
        },
      })
      .toTopic(`${name}-out`, json())
  })
}

function hits(): Hit[] {
  const random = new Random(8)
  return Array.from({ length: RECORDS }, (_, n) => ({ page: random.integer(KEYS), n }))
}

const ofPage = ({ page }: Hit) => ({ partition: page % PARTITIONS, time: baseTime() })
const inOrder = () => ({ partition: 0, time: baseTime() })

/** What the job must say, with everything in plain maps. */
function expected(): string[] {
  const counts = new Map<number, number>()
  const rows: unknown[] = []
  for (const { page, n } of hits()) {
    const count = (counts.get(page) ?? 0) + 1
    counts.set(page, count)
    rows.push({ page, n, count })
  }
  for (const [page, total] of counts) {
    for (const rule of [1, 2, 3, 4]) rows.push({ page, rule })
    rows.push({ page, total, sum: 10 })
  }
  return rows.map((row) => JSON.stringify(row)).sort()
}

/** Runs the job with a stop in the middle. Gives what it said and what it should have said. */
export async function tellPages(
  log: Log,
  name: string,
  run: RunOptions & { readonly parallelism: number },
): Promise<{ readonly rows: string[]; readonly expected: string[] }> {
  await log.createTopics([
    ...['in', 'out'].map((kind) => ({ name: `${name}-${kind}`, partitions: PARTITIONS })),
    { name: `${name}-rules`, partitions: 1 },
  ])
  const rows = (): Promise<string[]> => sortedRows(log, `${name}-out`, PARTITIONS)
  const all = hits()
  const wanted = expected()
  const pages = new Set(all.map(({ page }) => page)).size
  const job = ruling(name)
  const stateCache = { maxKeys: KEYS / 10 / run.parallelism }
  const start = () => job.start({ logger: silentLogger, epochInterval: 100, stateCache, ...run })
  let handle = start()
  const reaches = (atLeast: number): Promise<void> => reachRows(handle, rows, atLeast)
  await writeJson(log, `${name}-in`, all.slice(0, RECORDS / 2), ofPage)
  await reaches(RECORDS / 4)
  // Among the hits.
  await writeJson(log, `${name}-rules`, RULES.slice(0, 2), inOrder)
  await reaches(RECORDS / 2 + pages)
  await handle.stop()
  await writeJson(log, `${name}-rules`, RULES.slice(2, 3), inOrder)
  await writeJson(log, `${name}-in`, all.slice(RECORDS / 2), ofPage)
  handle = start()
  await writeJson(log, `${name}-rules`, RULES.slice(3, 4), inOrder)
  await reaches(wanted.length - pages)
  await writeJson(log, `${name}-rules`, RULES.slice(4), inOrder)
  await reaches(wanted.length)
  await handle.stop()
  return { rows: await rows(), expected: wanted }
}
