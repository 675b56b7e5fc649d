import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Collector,
  type Job,
  job,
  json,
  memoryLog,
  memoryState,
  tumbling,
  valueState,
  watermarks,
} from '../../src/index.ts'

interface Reading {
  readonly key: string
  readonly time: number
}

function counting(uid = 'count'): Job {
  return job('counting', (env) => {
    const byKey = env
      .topic('in', json<Reading>(), { time: watermarks.bounded(0, (reading) => reading.time) })
      .keyBy((reading) => reading.key)
    byKey
      .process({
        state: { seen: valueState({ initial: 0 }) },
        onRecord({ key }, { state }, out: Collector<string>) {
          state.seen.set(state.seen.get() + 1)
          out.emit(`${key}${state.seen.get()}`)
        },
      })
      .uid(uid)
      .toTopic('counts', json())
    byKey
      .window(tumbling(100))
      .aggregate(
        { create: () => 0, add: (n) => n + 1, result: (n) => n },
        (n, { key, window }) => `${key}@${window.start}=${n}`,
      )
      .uid('windows')
      .toTopic('windows', json())
  })
}

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-savepoint-'))
  file = join(folder, 'savepoint')
})
afterEach(() => rm(folder, { recursive: true }))

function cluster(): { log: ReturnType<typeof memoryLog>; state: ReturnType<typeof memoryState> } {
  const log = memoryLog()
  for (const topic of ['in', 'counts', 'windows']) log.storage.createTopic(topic, 4)
  return { log, state: memoryState() }
}

const keys = Array.from({ length: 12 }, (_, n) => `k${n}`)

function send(log: ReturnType<typeof memoryLog>, time: number): void {
  for (const [n, key] of keys.entries()) {
    log.storage.write('in', n % 4, [{ value: Buffer.from(JSON.stringify({ key, time })), timestamp: time }])
  }
}

/** Runs until every record that was sent is counted, then stops. */
async function runFor(
  target: Job,
  options: Parameters<Job['start']>[0] & ReturnType<typeof cluster>,
  counted: number,
): Promise<void> {
  const handle = target.start({ ...options, epochInterval: 5, sessionTimeout: '2s' })
  while (options.log.storage.read('counts').length < counted) {
    await Promise.race([handle.done, new Promise((resolve) => setTimeout(resolve, 5))])
  }
  await handle.stop()
}

function values(log: ReturnType<typeof memoryLog>, topic: string): unknown[] {
  return log.storage.read(topic).map(({ value }) => JSON.parse(String(value)))
}

describe('a savepoint', () => {
  it.each([
    [1, 3],
    [1, 1],
    [4, 1],
    [2, 4],
  ])('taken at parallelism %i restores at parallelism %i, in another cluster', async (before, after) => {
    const first = cluster()
    send(first.log, 10)
    send(first.log, 20)
    await runFor(counting(), { ...first, parallelism: before }, 24)
    await counting().writeSavepoint(file, { ...first, parallelism: before })

    // The same records are in the other log; the job must go on behind them.
    const second = cluster()
    send(second.log, 10)
    send(second.log, 20)
    await counting().restoreSavepoint(file, { ...second, parallelism: after })
    send(second.log, 30)
    send(second.log, 150)
    await runFor(counting(), { ...second, parallelism: after }, 24)
    expect(values(second.log, 'counts').toSorted()).toEqual(keys.flatMap((key) => [`${key}3`, `${key}4`]).toSorted())
    // Windows that were open go on too.
    expect(values(second.log, 'windows').toSorted()).toEqual(keys.map((key) => `${key}@0=3`).toSorted())
  })

  it('is refused by a job that has not all of its operators, naming the state', async () => {
    const first = cluster()
    send(first.log, 10)
    await runFor(counting(), first, 12)
    await counting().writeSavepoint(file, first)
    await expect(counting('renamed').restoreSavepoint(file, cluster())).rejects.toMatchObject({
      code: 'STATE_INCOMPATIBLE',
      differences: [
        'state count/seen is in the savepoint, but the job has no operator count',
        'operator renamed keeps state, and the savepoint has none of it',
      ],
    })
  })

  it('is refused where the job has state already', async () => {
    const first = cluster()
    send(first.log, 10)
    await runFor(counting(), first, 12)
    await counting().writeSavepoint(file, first)
    await expect(counting().restoreSavepoint(file, first)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })

  it('must be a savepoint', async () => {
    await writeFile(file, 'something else')
    await expect(counting().restoreSavepoint(file, cluster())).rejects.toMatchObject({ code: 'STATE_CORRUPT' })
  })
})
