import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodeSavepoint } from '../../src/checkpoint/savepoint.ts'
import {
  type Collector,
  type Job,
  type JobHandle,
  job,
  json,
  mapState,
  memoryLog,
  memoryState,
  operatorListState,
  type RunOptions,
  silentLogger,
  tumbling,
  valueState,
  watermarks,
} from '../../src/index.ts'
import { until } from '../contract/log-contract/fixture.ts'

interface Hit {
  readonly page: string
  readonly n: number
}

interface Names {
  readonly count?: string
  readonly rows?: string
}

/** Counts the hits of pages behind an exchange, in windows that stay open, and buffers some of them in a task's own list. */
function counting({ count = 'count', rows = 'rows' }: Names = {}): Job {
  return job('pages', (env) => {
    const hits = env.topic('in', json<Hit>(), { time: watermarks.monotonous((hit) => hit.n) })
    hits
      .keyBy('page')
      .process({
        state: { count: valueState({ initial: 0 }) },
        onRecord({ page }, { state }, out: Collector<string>) {
          state.count.set(state.count.get() + 1)
          out.emit(`${page}=${state.count.get()}`)
        },
      })
      .uid(count)
      .toTopic('counts', json())
    hits
      .keyBy('page')
      .window(tumbling(1_000_000))
      .aggregate({ create: () => 0, add: (n) => n + 1, result: (n) => n }, (n, { key }) => `${key}:${n}`)
      .uid('windows')
      .toTopic('windows', json())
    hits
      .keyBy('page')
      .window(tumbling(1_000_000))
      .aggregate(
        { create: () => 0, add: (n) => n + 1, merge: (a, b) => a + b, result: (n) => n },
        (n, { key }) => `${key}:${n}`,
      )
      .uid('gathered')
      .toTopic('gathered', json())
    hits
      .rebalance()
      .process({
        operatorState: { waiting: operatorListState<number>() },
        onRecord({ n }, { operatorState: { waiting } }, out: Collector<readonly number[]>) {
          waiting.add(n)
          if (waiting.get().length < 7) return
          out.emit([...waiting.get()])
          waiting.clear()
        },
        onEnd: (out, { operatorState: { waiting } }) => out.emit([...waiting.get()]),
      })
      .uid(rows)
      .toTopic('rows', json())
  })
}

interface Cluster {
  readonly log: ReturnType<typeof memoryLog>
  readonly state: ReturnType<typeof memoryState>
}

const PAGES = 10
const PARTITIONS = 4
const TOPICS = ['in', 'counts', 'windows', 'gathered', 'rows'] as const

function cluster(): Cluster {
  const log = memoryLog()
  for (const topic of TOPICS) log.storage.createTopic(topic, PARTITIONS)
  return { log, state: memoryState() }
}

/** Hits number `from` to `to`, the pages by turns. */
function send({ log }: Cluster, from: number, to: number): void {
  for (let n = from; n < to; n++) {
    const hit: Hit = { page: `p${n % PAGES}`, n }
    log.storage.write('in', (n % PAGES) % PARTITIONS, [{ value: Buffer.from(JSON.stringify(hit)), timestamp: n }])
  }
}

function values<T>({ log }: Cluster, topic: string): T[] {
  return log.storage.read(topic).map(({ value }) => JSON.parse(String(value)) as T)
}

function recordsIn(handle: JobHandle): number {
  const tasks = handle.status().workers.flatMap((worker) => worker.tasks)
  return tasks.reduce((sum, task) => sum + task.recordsIn, 0)
}

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-savepoint-'))
  file = join(folder, 'savepoint')
})
afterEach(() => rm(folder, { recursive: true }))

const options = (on: Cluster, more: RunOptions = {}): RunOptions => ({
  ...on,
  epochInterval: 5,
  sessionTimeout: '2s',
  logger: silentLogger,
  ...more,
})

/** All counts from 1 up, for each page, however often the job was moved. */
function expectAll(clusters: readonly Cluster[], hits: number): void {
  const counts = clusters.flatMap((on) => values<string>(on, 'counts'))
  const expected = Array.from({ length: hits }, (_, n) => `p${n % PAGES}=${Math.floor(n / PAGES) + 1}`)
  expect(counts.toSorted()).toEqual(expected.toSorted())
  const rows = clusters.flatMap((on) => values<readonly number[]>(on, 'rows')).flat()
  expect(rows.toSorted((a, b) => a - b)).toEqual(Array.from({ length: hits }, (_, n) => n))
  for (const topic of ['windows', 'gathered'] as const) {
    const windows = clusters.flatMap((on) => values<string>(on, topic))
    expect(windows.toSorted()).toEqual(
      Array.from({ length: PAGES }, (_, page) => `p${page}:${hits / PAGES}`).toSorted(),
    )
  }
}

describe('a savepoint of a running job', () => {
  it.each([
    [1, 4, 2],
    [4, 2, 1],
    [3, 3, 3],
  ])(
    'takes along what is between its tasks: from parallelism %i to %i and on to %i',
    async (first, second, third) => {
      const clusters: Cluster[] = []
      let sent = 0
      let inFlight = 0
      for (const parallelism of [first, second, third]) {
        const on = cluster()
        // The log is a new one: what was read before is in front of what follows.
        send(on, 0, sent)
        if (clusters.length > 0) await counting().restoreSavepoint(file, options(on, { parallelism }))
        clusters.push(on)
        const handle = counting().start(options(on, { parallelism, epochInterval: 100 }))
        await handle.ready
        send(on, sent, sent + 500)
        sent += 500
        await until('something is counted', () => values(on, 'counts').length > 0)
        // Not waited for: what is read now is on its way to other tasks when they stop.
        const before = recordsIn(handle)
        send(on, sent, sent + 500)
        sent += 500
        await until('more is read', () => recordsIn(handle) > before)
        // What has not been read by now is in the next cluster's log too, at the same offsets.
        const result = await handle.stopWithSavepoint(file)
        expect(result.outcome).toBe('stopped')
        inFlight += decodeSavepoint(await readFile(file)).inFlight.flatMap(({ records }) => records).length
      }
      const last = cluster()
      send(last, 0, sent)
      await counting().restoreSavepoint(file, options(last, { parallelism: 2 }))
      clusters.push(last)
      const handle = counting().start(options(last, { parallelism: 2 }))
      await until('all is counted', () => clusters.flatMap((on) => values(on, 'counts')).length >= sent)
      const result = await handle.stopWithSavepoint(file, { drain: true })
      expect(result.outcome).toBe('finished')
      expectAll(clusters, sent)
      expect(inFlight).toBeGreaterThan(0)
    },
    90_000,
  )

  it('is taken while the job goes on, and is whole', async () => {
    const on = cluster()
    const handle = counting().start(options(on, { parallelism: 3 }))
    await handle.ready
    send(on, 0, 300)
    await until('something is counted', () => values(on, 'counts').length > 0)
    await handle.savepoint(file)
    send(on, 300, 600)
    await until('all is counted', () => values(on, 'counts').length === 600)
    await handle.stopWithSavepoint(join(folder, 'other'), { drain: true })
    expectAll([on], 600)

    // What the job did after the savepoint, another one does from there.
    const other = cluster()
    send(other, 0, 600)
    await counting().restoreSavepoint(file, options(other, { parallelism: 1 }))
    const second = counting().start(options(other, { parallelism: 1 }))
    const lastCounts = Array.from({ length: PAGES }, (_, page) => `p${page}=60`)
    await until('the last hits are counted', () => {
      const seen = new Set(values<string>(other, 'counts'))
      return lastCounts.every((count) => seen.has(count))
    })
    await second.stopWithSavepoint(join(folder, 'third'), { drain: true })
    expect(values<string>(other, 'windows').toSorted()).toEqual(
      Array.from({ length: PAGES }, (_, page) => `p${page}:60`).toSorted(),
    )
  }, 60_000)

  it('is refused while other processes run tasks of the job', async () => {
    const on = cluster()
    const handles = [1, 2].map(() => counting().start(options(on, { parallelism: 2 })))
    await until('both are members', () => handles.every((handle) => handle.status().workers[0]?.members === 2))
    await expect(handles[0]?.stopWithSavepoint(file)).rejects.toThrow(
      /1 other workers of the job run in other processes/,
    )
    await Promise.all(handles.map((handle) => handle.stop()))
  })
})

describe('a savepoint of another version of the job', () => {
  async function taken(): Promise<void> {
    const on = cluster()
    send(on, 0, 30)
    const handle = counting().start(options(on))
    await until('all is counted', () => values(on, 'counts').length === 30)
    await handle.stopWithSavepoint(file)
  }

  const next = (): Cluster => {
    const on = cluster()
    send(on, 0, 40)
    return on
  }

  it('gives its state to operators with new uids', async () => {
    await taken()
    const on = next()
    const renamed = counting({ count: 'counted' })
    await renamed.restoreSavepoint(file, options(on), { rename: { count: 'counted' } })
    const handle = renamed.start(options(on))
    await until('the rest is counted', () => values(on, 'counts').length === 10)
    await handle.stop()
    expect(values<string>(on, 'counts').toSorted()).toEqual(Array.from({ length: 10 }, (_, n) => `p${n}=4`).toSorted())
  })

  it('loses state and starts anew only where that is asked for', async () => {
    await taken()
    const on = next()
    const other = counting({ count: 'anew' })
    await expect(other.restoreSavepoint(file, options(on), { drop: ['count'] })).rejects.toMatchObject({
      differences: ['operator anew keeps state, and the savepoint has none of it'],
    })
    await expect(other.restoreSavepoint(file, options(on), { add: ['anew'] })).rejects.toMatchObject({
      differences: ['state count/count is in the savepoint, but the job has no operator count'],
    })
    await other.restoreSavepoint(file, options(on), { drop: ['count'], add: ['anew'] })
    const handle = other.start(options(on))
    await until('the rest is counted', () => values(on, 'counts').length === 10)
    await handle.stop()
    expect(values<string>(on, 'counts').toSorted()).toEqual(Array.from({ length: 10 }, (_, n) => `p${n}=1`).toSorted())
  })

  it('says what there is when a change names what there is not', async () => {
    await taken()
    const restore = (changes: Parameters<Job['restoreSavepoint']>[2]): Promise<void> =>
      counting().restoreSavepoint(file, options(next()), changes)
    await expect(restore({ drop: ['counts'] })).rejects.toThrow(/holds no 'counts'; it holds .*count/)
    await expect(restore({ rename: { nobody: 'count' } })).rejects.toThrow(/holds no 'nobody'/)
    await expect(restore({ add: ['topic:out'] })).rejects.toThrow(/no 'topic:out' to add; it has .*topic:in/)
  })

  it('says when the form of a state is another one', async () => {
    await taken()
    const other = job('pages', (env) => {
      const hits = env.topic('in', json<Hit>())
      hits
        .keyBy('page')
        .process({
          state: { count: mapState<string, number>() },
          onRecord({ page }, _, out: Collector<string>) {
            out.emit(page)
          },
        })
        .uid('count')
        .toTopic('counts', json())
    })
    await expect(
      other.restoreSavepoint(file, options(next()), { drop: ['windows', 'gathered', 'rows'] }),
    ).rejects.toMatchObject({
      differences: ['state count/count was a value state and is now a map state'],
    })
  })
})
