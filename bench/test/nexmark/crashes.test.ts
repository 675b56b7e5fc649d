import { job } from '@millrace/core'
import { Random, SimulatedCluster, type SimulatedWorker } from '@millrace/core/testing'
import { expect, it } from 'vitest'
import { buildQuery } from '../../nexmark/build-query.ts'
import { type QueryName, queryNames } from '../../nexmark/queries/index.ts'
import { difference, fill, PARTITIONS, sample } from './sample.ts'

/** One failing seed can be run alone: MILLRACE_SEED=3. */
const chosen = process.env.MILLRACE_SEED
const seeds = chosen === undefined ? [1, 2, 3, 4, 5, 6] : [Number(chosen)]
const MOST_CRASHES = 8
/** Thirty seconds of event time. */
const events = sample(2_500, 80)

/** Runs the query on two workers, one of which crashes now and then and is replaced. */
async function runWithCrashes(query: QueryName, seed: number): Promise<{ cluster: SimulatedCluster; crashes: number }> {
  const random = new Random(seed)
  const nexmark = job(query, (env) => {
    buildQuery(env, { query, input: 'events', output: 'rows', bounded: true })
  })
  const parallelism = 1 + (seed % 2)
  const cluster = new SimulatedCluster(nexmark, {
    seed,
    run: { parallelism, allowVolatileState: true, maxBufferedInputBytes: 4_096 },
  })
  fill(cluster.log.storage, 'events', events, 10)
  cluster.log.storage.createTopic('rows', PARTITIONS)
  let names = 0
  const start = (): SimulatedWorker => cluster.startWorker(`worker-${++names}`)
  const workers = [start(), start()]
  let crashes = 0
  while (crashes < MOST_CRASHES && !cluster.isFinished) {
    const at = random.integer(2)
    const { clock } = workers[at] as SimulatedWorker
    // A step is any message or timer: also in the middle of a commit or a take-over.
    clock.crashAt(clock.steps + random.between(1, 80))
    await cluster.runUntil(() => cluster.isFinished || clock.state === 'crashed', 300_000)
    if (clock.state !== 'crashed') break
    crashes++
    workers[at] = start()
  }
  await cluster.runUntil(() => cluster.isFinished, 300_000)
  return { cluster, crashes }
}

it.each(queryNames)('%s gives what follows from the events when workers crash at random steps', async (query) => {
  let crashed = 0
  for (const seed of seeds) {
    const { cluster, crashes } = await runWithCrashes(query, seed)
    crashed += crashes
    const { expected, ...found } = await difference(cluster.log, query, 'rows', events)
    expect(expected, `MILLRACE_SEED=${seed}`).toBeGreaterThan(0)
    expect(found, `MILLRACE_SEED=${seed}`).toEqual({ missing: 0, extra: 0, missingRows: [], extraRows: [] })
  }
  expect(crashed).toBeGreaterThanOrEqual(seeds.length)
})
