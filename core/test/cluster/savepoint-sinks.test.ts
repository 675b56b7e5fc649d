import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Job, job, json, memoryLog, memoryState, restart, SavepointFile } from '../../src/index.ts'
import type { Sink } from '../../src/spi.ts'

/** The place that rows are published to, which may be out of order. */
class Target {
  readonly rows: string[] = []
  isDown = false

  sink(): Sink<string, string> {
    return {
      name: 'rows',
      guarantee: 'two-phase',
      open: async () => {
        let taken: string[] = []
        return {
          write: (row) => void taken.push(row),
          async flush() {},
          async prepareCommit() {
            const all = taken
            taken = []
            return all
          },
          commit: async (rows) => {
            if (this.isDown) throw new Error('the target is down')
            this.rows.push(...rows)
          },
          async close() {},
        }
      },
    }
  }
}

function storing(target: Target, uid = 'rows'): Job {
  return job('storing', (env) => {
    env
      .topic('in', json<string>())
      .to(target.sink())
      .uid(uid)
      .committed()
      .map((row) => `stored ${row}`)
      .uid('told')
      .toTopic('out', json())
      .uid('out')
  })
}

function printing(): Job {
  return job('storing', (env) => void env.topic('in', json<string>()).toTopic('out', json()).uid('out'))
}

function cluster(): { log: ReturnType<typeof memoryLog>; state: ReturnType<typeof memoryState> } {
  const log = memoryLog()
  for (const topic of ['in', 'out']) log.storage.createTopic(topic, 2)
  return { log, state: memoryState() }
}

const rows = ['a', 'b', 'c', 'd', 'e']

function send(log: ReturnType<typeof memoryLog>): void {
  // One batch, which is read at once and lies in one epoch.
  const batch = rows.map((row, n) => ({ value: Buffer.from(JSON.stringify(row)), timestamp: n }))
  log.storage.write('in', 0, batch)
}

function told({ log }: ReturnType<typeof cluster>): unknown[] {
  return log.storage
    .read('out')
    .map(({ value }) => JSON.parse(String(value)))
    .toSorted()
}

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-savepoint-'))
  file = join(folder, 'savepoint')
})
afterEach(() => rm(folder, { recursive: true }))

/** A savepoint of a job that has decided on all rows and then could not publish them. */
async function undelivered(parallelism: number): Promise<void> {
  const target = new Target()
  target.isDown = true
  const servers = cluster()
  send(servers.log)
  const options = { ...servers, parallelism, epochInterval: 20, restart: restart.none(), allowVolatileState: true }
  await expect(storing(target).run(options)).rejects.toMatchObject({ code: 'SINK_FAILED' })
  await storing(target).writeSavepoint(file, { ...servers, parallelism })
  expect(target.rows).toEqual([])
}

async function runUntilTold(target: Target, servers: ReturnType<typeof cluster>, parallelism: number): Promise<void> {
  const handle = storing(target).start({ ...servers, parallelism, epochInterval: 5, allowVolatileState: true })
  while (servers.log.storage.read('out').length < rows.length) {
    await Promise.race([handle.done, new Promise((resolve) => setTimeout(resolve, 5))])
  }
  await handle.stop()
}

describe('a savepoint of a job whose sink has not published what was decided', () => {
  it.each([
    [1, 1],
    [2, 1],
    [1, 2],
  ])('brings that to the sink, and what reads it, where it is restored: from %i tasks to %i', async (before, after) => {
    await undelivered(before)
    const target = new Target()
    const servers = cluster()
    send(servers.log)
    await storing(target).restoreSavepoint(file, { ...servers, parallelism: after })
    await runUntilTold(target, servers, after)
    expect(target.rows.toSorted()).toEqual(rows)
    expect(told(servers)).toEqual(rows.map((row) => `stored ${row}`))
  })

  it('shows it', async () => {
    await undelivered(1)
    const { unpublished } = await SavepointFile.open(file)
    expect(unpublished.map(({ sink }) => sink)).toContain('rows')
    expect(unpublished.flatMap(({ committables }) => committables).toSorted()).toEqual(rows)
  })

  it('is refused by a job that does not have the sink, unless it says that it drops it', async () => {
    await undelivered(1)
    await expect(printing().restoreSavepoint(file, cluster())).rejects.toMatchObject({
      code: 'STATE_INCOMPATIBLE',
      differences: ['the savepoint has what sink rows is to publish, and the job has no two-phase sink rows'],
    })
    await printing().restoreSavepoint(file, cluster(), { drop: ['rows'] })
  })

  it('gives it to the sink under a new uid', async () => {
    await undelivered(1)
    const target = new Target()
    const servers = cluster()
    send(servers.log)
    await storing(target, 'stored').restoreSavepoint(file, servers, { rename: { rows: 'stored' } })
    const handle = storing(target, 'stored').start({ ...servers, allowVolatileState: true, epochInterval: 5 })
    while (servers.log.storage.read('out').length < rows.length) {
      await Promise.race([handle.done, new Promise((resolve) => setTimeout(resolve, 5))])
    }
    await handle.stop()
    expect(target.rows.toSorted()).toEqual(rows)
  })
})
