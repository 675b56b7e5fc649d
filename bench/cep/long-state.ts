import { match, pattern } from '@millrace/cep'
import { job, memoryLog, redis, silentLogger, watermarks } from '@millrace/core'
import type { Sink } from '@millrace/core/spi'
import { RedisServer } from '@millrace/testcontainers'
import { processRssMb } from '../nexmark/process-times.ts'
import type { Click } from './patterns.ts'

/*
 * What a pattern with `within` holds when events go on and on: state should follow the open window, not the events that have
 * been. Events are made as they are read; the state is in Redis, committed every second.
 */

export interface LongStateSample {
  readonly events: number
  readonly seconds: number
  /** Keys for which anything is kept, as the task has them on its heap. */
  readonly keys: number
  readonly heapMb: number
  readonly rssMb: number
  readonly redisMb: number | null
}

export interface LongStateResult {
  readonly events: number
  readonly keys: number
  readonly eventsPerSecond: number
  readonly matches: number
  readonly timedOut: number
  readonly samples: readonly LongStateSample[]
}

/** Ten events a millisecond: a minute is 600,000 events. */
const EVENTS_PER_MS = 10
const SAMPLES = 20

const pair = pattern<Click>('long')
  .begin('a')
  .where((click) => click.kind === 0)
  .followedBy('b')
  .where((click, matched) => click.kind === 1 && click.value > matched.first('a').value)
  .within('1m')

/** Of any number the same event, whenever it is made. */
function clickAt(at: number, users: number): Click {
  const [user, kind, value] = [mixed(at, 1), mixed(at, 2), mixed(at, 3)] as const
  return { user: user % users, kind: kind % 20, value: value % 1_000, time: Math.floor(at / EVENTS_PER_MS) }
}

function mixed(at: number, salt: number): number {
  let hash = Math.imul(at ^ Math.imul(salt, 0x9e3779b1), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 13), 0x27d4eb2f)
  return (hash ^ (hash >>> 16)) >>> 0
}

const discard: Sink<unknown> = {
  name: 'discard',
  guarantee: 'idempotent',
  async open() {
    return { write() {}, async flush() {}, async close() {} }
  },
}

export async function benchLongState(
  { events, keys }: { readonly events: number; readonly keys: number },
  say: (line: string) => void,
): Promise<LongStateResult> {
  await using state = await RedisServer.start()
  const time = watermarks.monotonous<Click>((click) => click.time)
  const long = job('cep-long', (env) => {
    const clicks = env.generate({ make: (at) => clickAt(at, keys), count: events }, { time })
    match(clicks.keyBy('user'), pair, { uid: 'patterns' }).found.to(discard)
  })
  const startedAt = performance.now()
  const handle = long.start({
    log: memoryLog(),
    state: redis({ url: state.url }),
    logger: silentLogger,
    epochInterval: '1s',
  })
  const samples: LongStateSample[] = []
  const metric = (name: string): number => sumOf(handle.metrics(), name)
  const sample = (): void => {
    const seen = handle.status().workers[0]?.tasks[0]?.recordsIn ?? 0
    if (seen < ((samples.length + 1) * events) / SAMPLES) return
    const { heapUsed, rss } = process.memoryUsage()
    const taken: LongStateSample = {
      events: seen,
      seconds: (performance.now() - startedAt) / 1_000,
      keys: metric('millrace_state_keys'),
      heapMb: heapUsed / 2 ** 20,
      rssMb: rss / 2 ** 20,
      redisMb: processRssMb(state.pid),
    }
    samples.push(taken)
    say(
      `${taken.events.toLocaleString('en').padStart(11)} events  ${taken.seconds.toFixed(1).padStart(6)} s  ` +
        `${taken.keys.toLocaleString('en').padStart(8)} keys  heap ${taken.heapMb.toFixed(0).padStart(5)} MB  ` +
        `process ${taken.rssMb.toFixed(0).padStart(5)} MB  Redis ${taken.redisMb?.toFixed(0) ?? '-'} MB`,
    )
  }
  const watch = setInterval(sample, 20)
  let matches = 0
  let timedOut = 0
  const count = setInterval(() => {
    matches = metric('millrace_cep_matches_total')
    timedOut = metric('millrace_cep_timed_out_total')
  }, 100)
  const { durationMs } = await handle.done
  clearInterval(watch)
  clearInterval(count)
  const eventsPerSecond = Math.round((events * 1_000) / durationMs)
  say(
    `${eventsPerSecond.toLocaleString('en')} events/s, ${matches} matches and ${timedOut} time-outs seen before the end`,
  )
  return { events, keys, eventsPerSecond, matches, timedOut, samples }
}

function sumOf(text: string, name: string): number {
  return [...text.matchAll(new RegExp(`^${name}(?:{[^}]*})? ([0-9.e+]+)$`, 'gm'))].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  )
}
