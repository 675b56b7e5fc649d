import { type Job, job, json, type RunOptions, silentLogger, tumbling, watermarks } from '../../src/index.ts'
import type { Log } from '../../src/log/log.ts'
import { baseTime, openWriter, readCommitted, until } from '../contract/log-contract/fixture.ts'

interface Event {
  readonly key: string
  readonly time: number
  readonly part: 'archive' | 'live'
}

const PARTITIONS = 4
const ARCHIVED = 600
const LIVE = 200
const KEYS = 7
const time = watermarks.monotonous<Event>((event) => event.time)

/**
 * Counts all events per key and second, and reports each live one, with how many of the archive were still unread at that time. Only
 * a job whose tasks share a process can know that.
 */
function following(name: string): Job {
  const read = new Set<string>()
  return job(name, (env) => {
    const archive = env.topic(`${name}-archive`, json<Event>(), { bounded: true, time }).map((event) => {
      read.add(`${event.key}@${event.time}`)
      return event
    })
    const events = env.topic(`${name}-live`, json<Event>(), { time, after: archive })
    events
      .filter(({ part }) => part === 'live')
      .map(({ key }) => `${key} with ${ARCHIVED - read.size} unread`)
      .toTopic(`${name}-seen`, json())
    events
      .keyBy('key')
      .window(tumbling(1_000))
      .aggregate(
        { create: () => 0, add: (n) => n + 1, result: (n) => n },
        (n, { key, window }) => `${key}@${window.start}=${n}`,
      )
      .toTopic(`${name}-windows`, json())
  })
}

const events = (part: Event['part'], count: number, from: number): Event[] =>
  Array.from({ length: count }, (_, n) => ({ key: `k${n % KEYS}`, time: from + n * 10, part }))

const archive = events('archive', ARCHIVED, 0)
const live = events('live', LIVE, ARCHIVED * 10)

export interface Outcome {
  readonly seen: string[]
  readonly windows: string[]
}

export function expectedOutcome(): Outcome {
  const windows = new Map<string, number>()
  for (const { key, time: at } of [...archive, ...live]) {
    const id = `${key}@${Math.floor(at / 1_000) * 1_000}`
    windows.set(id, (windows.get(id) ?? 0) + 1)
  }
  const last = Math.floor(((live.at(-1) as Event).time - 1_000) / 1_000) * 1_000
  return {
    seen: live.map(({ key }) => `${key} with 0 unread`).sort(),
    windows: [...windows]
      .filter(([id]) => Number(id.split('@')[1]) <= last)
      .map(([id, n]) => `${id}=${n}`)
      .sort(),
  }
}

/**
 * Runs the job over an archive and half of a live topic that are there already, with a stop at some point of the archive, and another
 * one before the other half of the live topic comes.
 */
export async function runSequence(log: Log, name: string, run: RunOptions): Promise<Outcome> {
  await log.createTopics(
    ['archive', 'live', 'seen', 'windows'].map((kind) => ({ name: `${name}-${kind}`, partitions: PARTITIONS })),
  )
  const write = async (topic: string, list: readonly Event[], partitionOf: (n: number) => number): Promise<void> => {
    const writer = await openWriter(log, { maxBufferedBytes: 1 << 24 })
    const output = await writer.output(`${name}-${topic}`)
    for (const [n, event] of list.entries()) output.append(partitionOf(n), baseTime(), null, event, json<Event>())
    writer.seal()
    await writer.flush()
    await writer.close()
  }
  const lines = async (topic: string): Promise<string[]> => {
    const { seen } = await readCommitted(log, `${name}-${topic}`, PARTITIONS)
    return seen.map(({ value }) => JSON.parse(value as string) as string).filter((line) => !line.startsWith('end'))
  }
  // The archive in one partition, so that one task has to wait for what another one reads.
  await write('archive', archive, () => 1)
  await write('live', live.slice(0, LIVE / 2), (n) => n % PARTITIONS)
  const options = { logger: silentLogger, epochInterval: 20, ...run }
  const counting = following(name)
  const expected = expectedOutcome()

  const first = counting.start(options)
  await first.ready
  await until('it has begun', () => {
    const tasks = first.status().workers.flatMap((worker) => worker.tasks)
    return tasks.some(({ recordsIn }) => recordsIn > 0)
  })
  await first.stop()
  const second = counting.start(options)
  await until('half is seen', async () => (await lines('seen')).length >= LIVE / 2)
  await second.stop()
  await write('live', live.slice(LIVE / 2), (n) => n % PARTITIONS)
  // The last event of each partition carries time on.
  const end = { key: 'end', time: (live.at(-1) as Event).time, part: 'live' } as const
  await write('live', Array(PARTITIONS).fill(end), (n) => n)
  const third = counting.start(options)
  await until('all is seen', async () => (await lines('seen')).length >= LIVE)
  await until('all windows are there', async () => (await lines('windows')).length >= expected.windows.length)
  await third.stop()
  return { seen: (await lines('seen')).sort(), windows: (await lines('windows')).sort() }
}
