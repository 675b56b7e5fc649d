import { type Job, job, json, type RunOptions, watermarks } from '@millrace/core'
import { Random, SimulatedCluster } from '@millrace/core/testing'
import { describe, expect, it } from 'vitest'
import { match, matchRules, pattern, type RuleChange } from '../../src/index.ts'

interface Reading {
  readonly key: string
  readonly n: number
  readonly time: number
}

/** Longer than the session of a simulated worker: the others take its tasks over meanwhile. */
const FROZEN_MS = 1_000

const time = watermarks.bounded<Reading>(15, (reading) => reading.time)

const rising = pattern<Reading>('rising')
  .begin('low')
  .where((reading) => reading.n % 4 === 0)
  .followedByAny('more')
  .where((reading, matched) => reading.n > matched.first('low').n)
  .times(1, 2)
  .notFollowedBy('drop')
  .where((reading) => reading.n % 11 === 0)
  .within(25)

const calm = pattern<Reading>('calm')
  .begin('any')
  .oneOrMore()
  .until((reading) => reading.n % 5 === 0)
  .next('five')
  .skipPastLastEvent()
  .within(60)

interface Topology {
  readonly name: string
  readonly parallelism: number
  readonly run?: RunOptions
  readonly job: Job
}

const topologies: readonly Topology[] = [
  {
    name: 'looking for patterns with time-outs, two ways, with more keys than its cache',
    parallelism: 1,
    run: { stateCache: { maxKeys: 2 } },
    job: job('patterns', (env) => {
      const byKey = env.topic('in', json<Reading>(), { bounded: true, time }).keyBy((reading) => reading.key)
      const found = match(byKey, rising, { uid: 'rising' })
      found
        .select(({ low, more }, { key, timestamp }) => ({
          key,
          low: low[0].n,
          more: more.map(({ n }) => n),
          timestamp,
        }))
        .toTopic('out', json())
      found.timedOut
        .map(({ key, match: { low }, timestamp }) => ({ key, expired: low.map(({ n }) => n), timestamp }))
        .toTopic('out', json())
      match(byKey, calm, { uid: 'calm' })
        .select(({ any, five }) => ({ any: any.map(({ n }) => n), five: five[0].n }))
        .toTopic('out', json())
    }),
  },
]

/** Behind an exchange, by rules from a topic. It does not end: its output is waited for. */
const byRules = job('rules', (env) => {
  const readings = env.topic('in', json<Reading>(), { time })
  matchRules(
    readings.map((reading) => ({ ...reading })).keyBy((reading) => reading.key),
    env.topic('rules', json<RuleChange>()),
    { uid: 'rules' },
  )
    .select((found, { rule, version, key }) => ({ rule, version, key, found }))
    .toTopic('out', json())
})

const rules: readonly RuleChange[] = [
  {
    id: 'pair',
    version: 1,
    pattern: {
      name: 'pair',
      stages: [
        { name: 'a', where: 'event.n % 3 == 0.0' },
        { name: 'b', follows: 'followedBy', where: 'event.n > matched.a[0].n + 6' },
      ],
      within: 30,
    },
  },
  { id: 'old', version: 1, pattern: { name: 'old', stages: [{ name: 'a' }] } },
  { id: 'old', version: 2, drop: true },
]

function simulate(topology: Topology, seed: number): SimulatedCluster {
  const simulated = new SimulatedCluster(topology.job, {
    seed,
    run: { parallelism: topology.parallelism, allowVolatileState: true, ...topology.run },
  })
  const { storage } = simulated.log
  const random = new Random(seed)
  storage.createTopic('in', 2)
  storage.createTopic('out', 2)
  writeReadings(simulated, random)
  return simulated
}

function writeReadings({ log: { storage } }: SimulatedCluster, random: Random): void {
  for (let n = 0; n < 50; n++) {
    const key = random.integer(5)
    const reading: Reading = { key: `k${key}`, n, time: 1_000 + n * 3 - random.integer(12) }
    storage.write('in', key % 2, [{ value: Buffer.from(JSON.stringify(reading)), timestamp: reading.time }])
  }
}

const output = (simulated: SimulatedCluster): string[] =>
  simulated.log.storage
    .read('out')
    .map(({ value }) => String(value))
    .sort()

async function undisturbed(topology: Topology, seed: number) {
  const simulated = simulate(topology, seed)
  const worker = simulated.startWorker('only')
  await simulated.runUntil(() => simulated.isFinished, 60_000)
  return { expected: output(simulated), steps: worker.clock.steps }
}

describe.each(topologies)('a job that is $name', (topology) => {
  it('gives the output of an undisturbed run wherever its worker crashes', { timeout: 240_000 }, async () => {
    const { expected, steps } = await undisturbed(topology, 1)
    expect(expected.length).toBeGreaterThan(5)
    for (let step = 1; step <= steps; step++) {
      const simulated = simulate(topology, 1)
      const first = simulated.startWorker('first')
      first.clock.crashAt(step)
      await simulated.runUntil(() => simulated.isFinished || first.clock.state === 'crashed', 60_000)
      if (!simulated.isFinished) {
        simulated.startWorker('second')
        await simulated.runUntil(() => simulated.isFinished, 60_000)
      }
      expect(output(simulated), `crash at step ${step} of ${steps}`).toEqual(expected)
    }
  })

  it('is not harmed by a worker that wakes up after its tasks moved', { timeout: 240_000 }, async () => {
    const { expected, steps } = await undisturbed(topology, 5)
    for (let step = 2; step <= steps; step += 4) {
      const simulated = simulate(topology, 5)
      const zombie = simulated.startWorker('zombie')
      await simulated.runUntil(() => simulated.isFinished || zombie.clock.steps >= step, 60_000)
      zombie.clock.freeze()
      if (!simulated.isFinished) {
        simulated.startWorker('other')
        await simulated.clock.advanceBy(FROZEN_MS)
      }
      zombie.clock.thaw()
      await simulated.runUntil(() => simulated.isFinished, 60_000)
      await simulated.clock.advanceBy(FROZEN_MS)
      expect(output(simulated), `frozen after step ${step} of ${steps}`).toEqual(expected)
    }
  })
})

describe('a job that is looking for patterns by rules from a topic, behind an exchange', () => {
  /** The rules are committed before the first reading comes, so that what is found does not depend on who is faster. */
  async function begun(): Promise<{ simulated: SimulatedCluster; first: ReturnType<SimulatedCluster['startWorker']> }> {
    const simulated = new SimulatedCluster(byRules, { seed: 3, run: { parallelism: 2, allowVolatileState: true } })
    const { storage } = simulated.log
    storage.createTopic('in', 2)
    storage.createTopic('out', 2)
    storage.createTopic('rules', 1)
    for (const rule of rules) storage.write('rules', 0, [{ value: Buffer.from(JSON.stringify(rule)), timestamp: 1 }])
    const first = simulated.startWorker('first')
    await simulated.clock.advanceBy(2_000)
    writeReadings(simulated, new Random(3))
    // Time goes on in both partitions, so that all before has passed.
    for (const partition of [0, 1]) {
      const last: Reading = { key: `k${partition}`, n: -1, time: 5_000 }
      storage.write('in', partition, [{ value: Buffer.from(JSON.stringify(last)), timestamp: last.time }])
    }
    return { simulated, first }
  }

  it('gives the output of an undisturbed run wherever its worker crashes', { timeout: 240_000 }, async () => {
    const quiet = await begun()
    const before = quiet.first.clock.steps
    await quiet.simulated.clock.advanceBy(3_000)
    const expected = output(quiet.simulated)
    const after = quiet.first.clock.steps
    expect(expected.length).toBeGreaterThan(5)
    expect(expected.every((line) => line.includes('"rule":"pair","version":1'))).toBe(true)
    // Later crashes meet a job that has nothing to do any more.
    for (let step = before + 1; step <= Math.min(after, before + 150); step++) {
      const { simulated, first } = await begun()
      first.clock.crashAt(step)
      await simulated.runUntil(() => first.clock.state === 'crashed', 60_000)
      simulated.startWorker('second')
      await simulated.runUntil(() => output(simulated).length >= expected.length, 60_000)
      await simulated.clock.advanceBy(1_000)
      expect(output(simulated), `crash at step ${step}`).toEqual(expected)
    }
  })
})
