import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Job, job, json, memoryLog, memoryState, silentLogger } from '../../src/index.ts'
import { until } from '../contract/log-contract/fixture.ts'

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-savepoint-'))
  file = join(folder, 'savepoint')
})
afterEach(() => rm(folder, { recursive: true }))

interface Lap {
  readonly id: number
  readonly left: number
}

/** Sends records round; the gate lets none of them out before it is opened. */
function laps(gate: { isOpen: boolean }): Job {
  return job('laps', (env) => {
    env
      .topic('in', json<Lap>())
      .iterate((loop) => {
        const next = loop.map(({ id, left }): Lap => ({ id, left: gate.isOpen ? left - 1 : left }))
        return { feedback: next.filter(({ left }) => left > 0), output: next.filter(({ left }) => left <= 0) }
      })
      .toTopic('out', json())
  })
}

it.each([
  [1, 1],
  [1, 2],
  [2, 1],
  [2, 3],
])('a savepoint carries what goes round in a loop from %i tasks to %i', async (before, after) => {
  const gate = { isOpen: false }
  const servers = (): { log: ReturnType<typeof memoryLog>; state: ReturnType<typeof memoryState> } => {
    const log = memoryLog()
    for (const topic of ['in', 'out']) log.storage.createTopic(topic, 2)
    return { log, state: memoryState() }
  }
  const first = servers()
  for (let id = 0; id < 6; id++) {
    first.log.storage.write('in', id % 2, [{ value: Buffer.from(JSON.stringify({ id, left: 3 })), timestamp: 0 }])
  }
  const options = { logger: silentLogger, epochInterval: 5 }
  const running = laps(gate).start({ ...first, ...options, parallelism: before })
  await until('all is in the loop', () =>
    running.status().workers.some(({ totals }) => totals.recordsIn >= 6 && totals.epochs >= 3),
  )
  await running.stop()
  expect(first.log.storage.read('out')).toEqual([])
  await laps(gate).writeSavepoint(file, { ...first, ...options, parallelism: before })

  // Other servers, so that nothing but the file can bring the records.
  const second = servers()
  for (let id = 0; id < 6; id++) {
    second.log.storage.write('in', id % 2, [{ value: Buffer.from(JSON.stringify({ id, left: 3 })), timestamp: 0 }])
  }
  gate.isOpen = true
  await laps(gate).restoreSavepoint(file, { ...second, ...options, parallelism: after })
  const resumed = laps(gate).start({ ...second, ...options, parallelism: after })
  await until('all has come out', () => second.log.storage.read('out').length >= 6)
  await resumed.stop()
  const ids = second.log.storage.read('out').map(({ value }) => (JSON.parse(String(value)) as Lap).id)
  expect(ids.sort()).toEqual([0, 1, 2, 3, 4, 5])
})

it('a savepoint of a loop that goes in rounds is refused', async () => {
  const log = memoryLog()
  for (const topic of ['in', 'out']) log.storage.createTopic(topic, 1)
  log.storage.write('in', 0, [{ value: Buffer.from('1'), timestamp: 0 }])
  const endless = job('endless', (env) => {
    env
      .topic('in', json<number>(), { bounded: true })
      .iterateBulk((n) => n.map((x) => x + 1), { maxRounds: Number.MAX_SAFE_INTEGER })
      .toTopic('out', json())
  })
  const options = { log, state: memoryState(), logger: silentLogger, epochInterval: 5 }
  const running = endless.start(options)
  await until('rounds are committed', () => running.status().workers.some(({ totals }) => totals.epochs >= 3))
  await running.stop()
  await expect(endless.writeSavepoint(file, options)).rejects.toMatchObject({
    code: 'LOOP_RUNNING',
    where: { job: 'endless', operator: expect.stringContaining('loop-head') },
  })
  // The job itself needs none.
  const again = endless.start(options)
  await until('it goes on', () => again.status().workers.some(({ totals }) => totals.epochs >= 1))
  await again.stop()
})
