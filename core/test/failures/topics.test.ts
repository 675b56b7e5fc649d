import { describe, expect, it } from 'vitest'
import { type Collector, type Job, job, json, type StreamError, valueState } from '../../src/index.ts'
import { failureOf, runFor, send, servers, values } from './run-until.ts'

const passing = job('passing', (env) => {
  env
    .topic('in', json<number>(), { onDecodeFailure: { deadLetterTopic: 'dead' } })
    .uid('numbers')
    .toTopic('out', json())
    .uid('results')
})

interface Pair {
  readonly key: string
}

function joined(prepartitioned: boolean): Job {
  return job('joined', (env) => {
    const left = env.topic('left', json<Pair>()).keyBy((pair) => pair.key, { prepartitioned })
    const right = env.topic('right', json<Pair>()).keyBy((pair) => pair.key, { prepartitioned })
    left
      .connect(right)
      .process({
        state: { n: valueState({ initial: 0 }) },
        onLeft(pair, { state }, out: Collector<string>) {
          state.n.set(state.n.get() + 1)
          out.emit(`${pair.key}${state.n.get()}`)
        },
        onRight(pair, { state }, out: Collector<string>) {
          state.n.set(state.n.get() + 1)
          out.emit(`${pair.key}${state.n.get()}`)
        },
      })
      .uid('join')
      .toTopic('out', json())
  })
}

describe('a topic that does not exist', () => {
  it.each([
    ['in', 'numbers', 'read'],
    ['out', 'results', 'written'],
    ['dead', 'numbers', 'written'],
  ])('%s: is TOPIC_MISSING with the operator, the line that names it, and what to do', async (missing, uid, how) => {
    const topics = Object.fromEntries(['in', 'out', 'dead'].filter((name) => name !== missing).map((name) => [name, 1]))
    const on = servers(topics)
    const error = await failureOf(on, passing)
    expect(error).toMatchObject({ code: 'TOPIC_MISSING', where: { job: 'passing', topic: missing } })
    const { where, message } = error as StreamError
    expect(where.operator).toBe(uid)
    expect(message).toMatch(
      new RegExp(`${missing} \\(${how} at core/test/failures/topics\\.test\\.ts:\\d+\\).*memory log.*create it`),
    )
    on.log.storage.createTopic(missing, 1)
    send(on, 'in', [1])
    await runFor(on, passing)
    expect(values(on, 'out')).toEqual([1])
  })

  it('rejects ready as well as done, and tells it as health', async () => {
    const on = servers({})
    const handle = passing.start({ ...on, logger: { debug() {}, info() {}, warn() {}, error() {} } })
    const ready = handle.ready.catch((error: unknown) => error)
    await on.clock.advanceBy(10)
    expect(await ready).toMatchObject({ code: 'TOPIC_MISSING' })
    await expect(handle.done).rejects.toMatchObject({ code: 'TOPIC_MISSING' })
    await expect(handle.stop()).rejects.toMatchObject({ code: 'TOPIC_MISSING' })
    expect(handle.health()).toMatchObject({ live: false, ready: false, state: 'failed' })
    expect(handle.health().reason).toContain('do not exist')
  })

  it('lets every missing topic be seen at once', async () => {
    const error = (await failureOf(servers({ in: 1 }), passing)) as StreamError
    expect(error.message).toContain('out')
    expect(error.message).toContain('dead')
  })
})

describe('partition counts that do not fit', () => {
  it('of a repartition topic that exists with another count: both counts, and what to do', async () => {
    const on = servers({ left: 2, right: 2, out: 1 })
    // The name is the engine's: find it by running once elsewhere.
    const probe = servers({ left: 2, right: 2, out: 1 })
    const created: string[] = []
    const createTopic = probe.log.storage.createTopic.bind(probe.log.storage)
    probe.log.storage.createTopic = (name, partitions) => {
      created.push(name)
      createTopic(name, partitions)
    }
    await runFor(probe, joined(false), { parallelism: 2 })
    expect(created.length).toBeGreaterThan(0)
    const repartition = created[0] as string
    on.log.storage.createTopic(repartition, 5)
    const error = await failureOf(on, joined(false), { parallelism: 2 })
    expect(error).toMatchObject({ code: 'PARTITIONS_MISMATCH', where: { job: 'joined', topic: repartition } })
    expect((error as StreamError).message).toMatch(/5 partitions.*2/)
  })

  it('of prepartitioned inputs that meet: every topic with its count', async () => {
    const on = servers({ left: 2, right: 3, out: 1 })
    const error = await failureOf(on, joined(true), { parallelism: 2 })
    expect(error).toMatchObject({ code: 'PARTITIONS_MISMATCH', where: { job: 'joined' } })
    expect((error as StreamError).message).toMatch(/left has 2, right has 3.*prepartitioned/)
  })

  it('of prepartitioned inputs matter to a single task as little as those of others', async () => {
    const on = servers({ left: 2, right: 3, out: 1 })
    send(on, 'left', [{ key: 'a' }], 1)
    send(on, 'right', [{ key: 'a' }], 2)
    await runFor(on, joined(true))
    expect(values(on, 'out')).toEqual(['a1', 'a2'])
  })
})
