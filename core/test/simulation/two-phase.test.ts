import { expect, it } from 'vitest'
import { type Job, job, json } from '../../src/index.ts'
import type { Sink } from '../../src/spi.ts'
import { SimulatedCluster } from '../../src/testing/index.ts'

interface Batch {
  readonly id: string
  readonly rows: readonly number[]
}

// Names of files are unique over all workers and versions of the graph.
let serial = 0

/** As a sink into files would do it: rows are hidden until the epoch is decided, and publishing twice is publishing once. */
function files(published: Map<string, readonly number[]>): Sink<number, Batch> {
  return {
    name: 'files',
    guarantee: 'two-phase',
    async open() {
      let rows: number[] = []
      return {
        write(row) {
          rows.push(row)
        },
        async flush() {},
        async prepareCommit() {
          const batch = { id: `file-${serial++}`, rows }
          rows = []
          return batch.rows.length === 0 ? [] : [batch]
        },
        async commit(batches) {
          for (const batch of batches) published.set(batch.id, batch.rows)
        },
        async close() {},
      }
    },
  }
}

function doubling(published: Map<string, readonly number[]>, fromTopic: boolean): Job {
  return job('doubling', (env) => {
    const numbers = fromTopic
      ? env.topic('in', json<number>(), { bounded: true })
      : env.generate({ make: (index) => index, count: 40, ratePerSecond: 500 })
    numbers.map((n) => n * 2).to(files(published))
  })
}

/** Runs with a crash of the first worker at this step, or without; gives what was published and the steps taken. */
async function run(fromTopic: boolean, crashAt?: number): Promise<{ rows: number[]; steps: number }> {
  const published = new Map<string, readonly number[]>()
  const cluster = new SimulatedCluster(doubling(published, fromTopic), { seed: 3, run: { allowVolatileState: true } })
  cluster.log.storage.createTopic('in', 1)
  for (let n = 0; n < 40; n++) cluster.log.storage.write('in', 0, [{ value: Buffer.from(String(n)), timestamp: n }])
  const first = cluster.startWorker('first')
  if (crashAt !== undefined) first.clock.crashAt(crashAt)
  await cluster.runUntil(() => cluster.isFinished || first.clock.state === 'crashed', 60_000)
  if (!cluster.isFinished) {
    cluster.startWorker('second')
    await cluster.runUntil(() => cluster.isFinished, 60_000)
  }
  return { rows: [...published.values()].flat().toSorted((a, b) => a - b), steps: first.clock.steps }
}

// With a topic the log decides; from a generator nothing but the state backend can.
it.each([true, false])(
  'a two-phase sink publishes every row once wherever the worker crashes (topic: %s)',
  { timeout: 60_000 },
  async (fromTopic) => {
    const { rows, steps } = await run(fromTopic)
    expect(rows).toEqual(Array.from({ length: 40 }, (_, n) => n * 2))
    for (let step = 1; step <= steps; step++) {
      expect((await run(fromTopic, step)).rows, `crash at step ${step} of ${steps}`).toEqual(rows)
    }
  },
)
