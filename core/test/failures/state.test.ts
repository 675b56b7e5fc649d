import { describe, expect, it } from 'vitest'
import {
  type Collector,
  type Job,
  job,
  json,
  listState,
  number,
  type StreamError,
  silentLogger,
  string,
  valueState,
} from '../../src/index.ts'
import { failureOf, runFor, type Servers, send, servers, values } from './run-until.ts'

interface Shape {
  readonly uid?: string
  readonly state?: object
}

/** Counts words; its state can be declared in other ways. */
function counting({ uid = 'count', state = {} }: Shape = {}): Job {
  return job('counting', (env) => {
    env
      .topic('in', json<string>())
      .keyBy((word) => word)
      .process({
        state: { seen: valueState({ initial: 0 }), note: valueState<string>(), ...state },
        onRecord(word, { state: { seen, note } }, out: Collector<string>) {
          seen.set(seen.get() + 1)
          note.set(word)
          out.emit(`${word}${seen.get()}`)
        },
      })
      .uid(uid)
      .toTopic('out', json())
      .uid('sink')
  })
}

/** Servers on which the job has counted two words. */
async function counted(options = {}): Promise<Servers> {
  const on = servers({ in: 2, out: 1 })
  send(on, 'in', ['a', 'b', 'a'])
  await runFor(on, counting(), options)
  expect(values(on, 'out').toSorted()).toEqual(['a1', 'a2', 'b1'])
  return on
}

async function incompatible(on: Servers, target: Job, options = {}): Promise<readonly string[]> {
  const error = (await failureOf(on, target, options)) as StreamError & { differences: readonly string[] }
  expect(error).toMatchObject({ code: 'STATE_INCOMPATIBLE', where: { job: 'counting' } })
  for (const difference of error.differences) expect(error.message).toContain(difference)
  return error.differences
}

describe('state that does not fit the job', () => {
  it('of another kind is refused', async () => {
    const differences = await incompatible(await counted(), counting({ state: { note: listState<string>() } }))
    expect(differences).toEqual([expect.stringMatching(/count\/note.*value.*list/)])
  })

  it('of another format is refused', async () => {
    const differences = await incompatible(
      await counted(),
      counting({ state: { seen: valueState({ serde: number(), initial: 0 }) } }),
    )
    expect(differences).toEqual([expect.stringMatching(/count\/seen.*msgpack.*float64/)])
  })

  it('of a state that the job no longer has is refused', async () => {
    const reduced = job('counting', (env) => {
      env
        .topic('in', json<string>())
        .keyBy((word) => word)
        .process({
          state: { seen: valueState({ initial: 0 }) },
          onRecord: (word, _, out: Collector<string>) => out.emit(word),
        })
        .uid('count')
        .toTopic('out', json())
        .uid('sink')
    })
    expect(await incompatible(await counted(), reduced)).toEqual([expect.stringContaining('count/note')])
  })

  it('of an operator with another uid is refused', async () => {
    const differences = await incompatible(await counted(), counting({ uid: 'renamed' }))
    expect(differences).toEqual([expect.stringContaining('count/seen'), expect.stringContaining('count/note')])
  })

  it('of another maxParallelism is refused', async () => {
    const differences = await incompatible(await counted(), counting(), { maxParallelism: 64 })
    expect(differences).toEqual([expect.stringMatching(/maxParallelism.*128.*64/)])
  })

  it('is refused with all differences at once, and the state is left as it was', async () => {
    const on = await counted()
    const other = counting({ state: { note: listState<string>(), seen: valueState({ serde: string(), initial: '' }) } })
    expect(await incompatible(on, other, { maxParallelism: 64 })).toHaveLength(3)
    send(on, 'in', ['a'])
    await runFor(on, counting())
    expect(values(on, 'out')).toEqual(
      ['a1', 'b1', 'a2', 'a3']
        .filter((v) => values(on, 'out').includes(v))
        .toSorted((x, y) => values(on, 'out').indexOf(x) - values(on, 'out').indexOf(y)),
    )
    expect(values(on, 'out')).toContain('a3')
  })

  it.each([
    [1, 2],
    [2, 1],
  ])('at parallelism %i is not started anew in silence at parallelism %i', async (before, after) => {
    const on = await counted({ parallelism: before })
    const differences = await incompatible(on, counting(), { parallelism: after })
    expect(differences).toEqual([expect.stringMatching(/parallelism|tasks/)])
  })

  it('at parallelism 2 is refused at parallelism 3', async () => {
    const on = await counted({ parallelism: 2 })
    expect(await failureOf(on, counting(), { parallelism: 3 })).toMatchObject({
      code: 'PARTITIONS_MISMATCH',
      message: expect.stringMatching(/has 2 partitions.* 3\. Run it with the former parallelism/),
    })
  })

  it('of a renamed operator is refused above parallelism 1 too', async () => {
    const on = await counted({ parallelism: 2 })
    const differences = await incompatible(on, counting({ uid: 'renamed' }), { parallelism: 2 })
    expect(differences).toEqual([expect.stringContaining('operator count')])
  })

  it('of a job that keeps none any more is refused', async () => {
    const stateless = job('counting', (env) => {
      env.topic('in', json<string>()).toTopic('out', json()).uid('sink')
    })
    for (const parallelism of [1, 2]) {
      const differences = await incompatible(await counted({ parallelism }), stateless, { parallelism })
      expect(differences).toEqual([expect.stringContaining('operator count')])
    }
  })

  it('is not in the way of an operator that is added', async () => {
    const on = await counted({ parallelism: 2 })
    const added = job('counting', (env) => {
      const byWord = env.topic('in', json<string>()).keyBy((word) => word)
      byWord
        .process({
          state: { seen: valueState({ initial: 0 }), note: valueState<string>() },
          onRecord(word, { state: { seen } }, out: Collector<string>) {
            seen.set(seen.get() + 1)
            out.emit(`${word}${seen.get()}`)
          },
        })
        .uid('count')
        .toTopic('out', json())
        .uid('sink')
      byWord
        .reduce((word) => word)
        .uid('added')
        .toTopic('other', json())
    })
    on.log.storage.createTopic('other', 1)
    send(on, 'in', ['a'])
    await runFor(on, added, { parallelism: 2 })
    expect(values(on, 'out').toSorted()).toEqual(['a1', 'a2', 'a3', 'b1'])
    // From now on it is part of the job: the former version would leave its state behind.
    expect(await incompatible(on, counting(), { parallelism: 2 })).toEqual([expect.stringContaining('operator added')])
  })
})

describe('state or offsets that are lost', () => {
  it.each([1, 2])('cleared state with committed offsets is STATE_LOST (parallelism %i)', async (parallelism) => {
    const on = await counted({ parallelism })
    await on.state.create({ clock: on.clock, logger: silentLogger }).clear('counting')
    const error = (await failureOf(on, counting(), { parallelism })) as StreamError
    expect(error).toMatchObject({ code: 'STATE_LOST', where: { job: 'counting', task: expect.any(String) } })
    expect(error.message).toMatch(/epoch \d+.*Restore|reset/)
  })

  it.each([1, 2])('lost offsets are taken from the state (parallelism %i)', async (parallelism) => {
    const on = await counted({ parallelism })
    on.log.storage.forgetOffsets('counting')
    send(on, 'in', ['a'])
    await runFor(on, counting(), { parallelism })
    expect(values(on, 'out').toSorted()).toEqual(['a1', 'a2', 'a3', 'b1'])
  })

  it('offsets that were moved back are OFFSETS_LOST', async () => {
    const on = await counted()
    const first = on.log.storage.committed('counting', 'in', 0)
    const other = on.log.storage.committed('counting', 'in', 1)
    send(on, 'in', ['a'])
    await runFor(on, counting())
    on.log.storage.commitOffsets('counting', [
      { topic: 'in', partition: 0, offset: first?.offset ?? 0, metadata: first?.metadata ?? '' },
      { topic: 'in', partition: 1, offset: other?.offset ?? 0, metadata: other?.metadata ?? '' },
    ])
    const error = (await failureOf(on, counting())) as StreamError
    expect(error).toMatchObject({ code: 'OFFSETS_LOST', where: { job: 'counting', task: 'all/0' } })
    expect(error.message).toContain('moved back')
  })

  it('offsets that another tool has set are OFFSETS_LOST', async () => {
    const on = await counted()
    on.log.storage.commitOffsets('counting', [
      { topic: 'in', partition: 0, offset: 0, metadata: '' },
      { topic: 'in', partition: 1, offset: 0, metadata: '' },
    ])
    expect(await failureOf(on, counting())).toMatchObject({ code: 'OFFSETS_LOST', where: { job: 'counting' } })
  })

  it('offsets of one partition that another tool has set are OFFSETS_LOST, naming the partition', async () => {
    const on = await counted()
    on.log.storage.commitOffsets('counting', [{ topic: 'in', partition: 0, offset: 1, metadata: '' }])
    const error = (await failureOf(on, counting())) as StreamError
    expect(error).toMatchObject({
      code: 'OFFSETS_LOST',
      where: { job: 'counting', topic: 'in', partition: 0, offset: 1 },
    })
  })

  it('an offset of one partition that was moved back is OFFSETS_LOST, naming the partition', async () => {
    const on = await counted()
    const { metadata } = on.log.storage.committed('counting', 'in', 0) ?? {}
    on.log.storage.commitOffsets('counting', [{ topic: 'in', partition: 0, offset: 1, metadata: metadata ?? '' }])
    const error = (await failureOf(on, counting())) as StreamError
    expect(error).toMatchObject({ code: 'OFFSETS_LOST', where: { topic: 'in', partition: 0, offset: 1 } })
    expect(error.message).toContain('offset 3')
  })

  it('offsets whose records the topic no longer has are OFFSETS_LOST with topic, partition and offset', async () => {
    const on = await counted()
    send(on, 'in', ['a', 'b', 'c'])
    on.log.storage.partition('in', 0).deleteBefore(5)
    const error = (await failureOf(on, counting())) as StreamError
    expect(error).toMatchObject({
      code: 'OFFSETS_LOST',
      where: { job: 'counting', topic: 'in', partition: 0, offset: 3 },
    })
  })

  it('offsets above the end of a topic that was created anew are OFFSETS_LOST', async () => {
    const on = await counted()
    on.log.storage.deleteTopic('in')
    on.log.storage.createTopic('in', 2)
    const error = (await failureOf(on, counting())) as StreamError
    expect(error).toMatchObject({ code: 'OFFSETS_LOST', where: { job: 'counting', topic: 'in', partition: 0 } })
  })
})
