import { describe, expect, it } from 'vitest'
import {
  type Collector,
  type Job,
  type JobHandle,
  job,
  json,
  type Logger,
  listState,
  type StateDescriptors,
  valueState,
  type WorkerEvent,
} from '../../src/index.ts'
import { begin, type Servers, send, servers, values } from './run-until.ts'

/** A version of one job; all keep their state under the same names. */
function version(prefix: string, extra: StateDescriptors = {}): Job {
  return job('counting', (env) => {
    env
      .topic('in', json<string>())
      .keyBy((word) => word)
      .process({
        state: { seen: valueState({ initial: 0 }), ...extra },
        onRecord(word, { state }, out: Collector<string>) {
          state.seen.set(state.seen.get() + 1)
          out.emit(`${prefix}${word}${state.seen.get()}`)
        },
      })
      .uid('count')
      .map((text) => text)
      .uid(`version-${prefix}`)
      .toTopic('out', json())
      .uid('sink')
  })
}

interface Watched {
  readonly handle: JobHandle
  readonly events: WorkerEvent[]
  readonly logged: string[]
}

function watch(on: Servers, target: Job): Watched {
  const events: WorkerEvent[] = []
  const logged: string[] = []
  const note = (_: object, text: string): void => void logged.push(text)
  const logger: Logger = { debug: note, info: note, warn: note, error: note }
  const handle = begin(on, target, { logger, onEvent: (event) => events.push(event), sessionTimeout: '2s' })
  return { handle, events, logged }
}

async function stop(on: Servers, { handle }: Watched): Promise<void> {
  const stopped = handle.stop()
  await on.clock.advanceBy(100)
  await stopped
}

async function twoVersions(second: Job): Promise<{ on: Servers; old: Watched; young: Watched }> {
  const on = servers({ in: 2, out: 1 })
  const old = watch(on, version('old-'))
  await on.clock.advanceBy(50)
  const young = watch(on, second)
  await on.clock.advanceBy(3000)
  send(on, 'in', ['a'])
  await on.clock.advanceBy(200)
  return { on, old, young }
}

describe('another version of a job in the group', () => {
  it('stands by, ready, and says why: as health, as status, as an event and in the log', async () => {
    const { on, old, young } = await twoVersions(version('new-'))
    expect(values(on, 'out')).toEqual(['old-a1'])
    expect(old.handle.health()).toMatchObject({ live: true, ready: true, state: 'running' })
    expect(young.handle.health()).toMatchObject({ live: true, ready: true, state: 'standby' })
    const { reason } = young.handle.health()
    expect(reason).toContain('another version of the job runs')
    expect(reason).toContain(old.handle.status().graphHash)
    expect(reason).toContain(young.handle.status().graphHash)
    expect(young.handle.status().workers[0]).toMatchObject({ state: 'standby', reason, tasks: [], members: 2 })
    expect(young.events).toContainEqual({ kind: 'standby', reason })
    expect(young.logged).toContain('Worker stands by')
    await expect(young.handle.ready).resolves.toBeUndefined()
    await stop(on, young)
    await stop(on, old)
  })

  it('takes over with the state when the last member of the old one has left', async () => {
    const { on, old, young } = await twoVersions(version('new-'))
    await stop(on, old)
    await on.clock.advanceBy(3000)
    send(on, 'in', ['a', 'b'])
    await on.clock.advanceBy(500)
    expect(young.handle.health()).toMatchObject({ ready: true, state: 'running', reason: null })
    expect(values(on, 'out')).toEqual(['old-a1', 'new-a2', 'new-b1'])
    await stop(on, young)
  })

  it('waits for all members of the old one', async () => {
    const { on, old, young } = await twoVersions(version('new-'))
    const second = watch(on, version('old-'))
    await on.clock.advanceBy(3000)
    await stop(on, old)
    await on.clock.advanceBy(3000)
    send(on, 'in', ['a'])
    await on.clock.advanceBy(200)
    expect(young.handle.health().state).toBe('standby')
    expect(values(on, 'out')).toEqual(['old-a1', 'old-a2'])
    await stop(on, second)
    await stop(on, young)
  })

  it('is refused with every difference when the state does not fit it, and the old one can go on', async () => {
    const other = version('new-', { seen: listState<number>(), added: valueState<number>() })
    const { on, old, young } = await twoVersions(other)
    expect(young.handle.health().state).toBe('standby')
    const failed = young.handle.done.catch((error: unknown) => error)
    await stop(on, old)
    await on.clock.advanceBy(3000)
    expect(await failed).toMatchObject({
      code: 'STATE_INCOMPATIBLE',
      differences: [expect.stringMatching(/count\/seen.*value.*list/)],
      where: { job: 'counting', task: 'all/0' },
    })
    expect(young.handle.health()).toMatchObject({ live: false, ready: false, state: 'failed' })
    const again = watch(on, version('old-'))
    await on.clock.advanceBy(3000)
    send(on, 'in', ['a'])
    await on.clock.advanceBy(200)
    expect(values(on, 'out')).toEqual(['old-a1', 'old-a2'])
    await stop(on, again)
  })

  it('of the same graph takes no second task: it stands by with the reason that there is none', async () => {
    const { on, old, young } = await twoVersions(version('old-'))
    const standby = [old, young].find(({ handle }) => handle.health().state === 'standby')
    expect(standby?.handle.health()).toMatchObject({
      ready: true,
      reason: expect.stringMatching(/1 tasks?.*parallelism/),
    })
    await stop(on, old)
    await stop(on, young)
  })
})
