import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/metrics/logger.ts'
import type { StateBackend, StateDelta, TaskStore } from '../../../src/state/backend.ts'
import { memoryState } from '../../../src/state/memory/index.ts'
import { type CrashMoment, faultyStateBackend, WorkerFaults } from '../../../src/testing/faults/index.ts'
import { VirtualClock } from '../../../src/time/virtual-clock.ts'

const LONG_MS = 1_000
const ADDRESS = { job: 'j', region: 'r', index: 0 }

function delta(epoch: number): StateDelta {
  const change = { state: 's', keyGroup: 0, key: Buffer.from('k'), sub: null, value: Buffer.from(`epoch ${epoch}`) }
  return { epoch, meta: Buffer.from([epoch]), changes: [change] }
}

class Setting {
  readonly clock = new VirtualClock()
  readonly provider = memoryState({ latencyMs: 1 })

  backend(faults: WorkerFaults): StateBackend {
    return faultyStateBackend(this.provider, faults).create({ clock: this.clock, logger: silentLogger })
  }

  /** Runs with time moving on; `pending` when it does not end. */
  async run<T>(promise: Promise<T>): Promise<T | 'pending'> {
    let outcome: T | 'pending' = 'pending'
    let failure: unknown
    promise.then(
      (value) => {
        outcome = value
      },
      (error: unknown) => {
        failure = error
      },
    )
    await this.clock.advanceBy(LONG_MS)
    if (failure !== undefined) throw failure
    return outcome
  }
}

async function epochOne(backend: StateBackend): Promise<string> {
  await backend.connect()
  const store = backend.task(ADDRESS)
  await store.acquire()
  await store.stage(delta(1))
  await store.decide(1)
  await store.apply(1)
  await store.discardAbove(1)
  for await (const entries of store.load()) expect(entries).toHaveLength(1)
  await store.getMany('s', [{ keyGroup: 0, key: Buffer.from('k') }])
  await store.close()
  await backend.close()
  return 'done'
}

const protocol = [
  'state.connect',
  'store.acquire',
  'store.stage',
  'store.decide',
  'store.apply',
  'store.discardAbove',
  'store.load',
  'store.load',
  'store.getMany',
  'store.close',
  'state.close',
]

describe('faultyStateBackend', () => {
  it('names every call in its order, each batch of a load included', async () => {
    const setting = new Setting()
    const faults = new WorkerFaults()
    expect(await setting.run(epochOne(setting.backend(faults)))).toBe('done')
    expect(faults.calls).toEqual(protocol)
  })

  const crashes = protocol.flatMap((name, index) =>
    (['before', 'after'] as const).map((moment): [number, CrashMoment, string] => [index + 1, moment, name]),
  )

  it.each(crashes)(
    'lets happen what lies before the crash at call %i, %s %s, and nothing behind it',
    async (call, moment) => {
      const setting = new Setting()
      const faults = new WorkerFaults()
      faults.crashAt(call, moment)
      expect(await setting.run(epochOne(setting.backend(faults)))).toBe('pending')
      expect([faults.state, faults.calls.length]).toEqual(['crashed', call])
      const done = new Set(protocol.slice(0, moment === 'after' ? call : call - 1))
      const next = setting.backend(new WorkerFaults()).task(ADDRESS)
      const acquired = await setting.run(next.acquire())
      const isApplied = done.has('store.apply')
      expect(acquired).toEqual({
        applied: isApplied ? { epoch: 1, meta: Buffer.from([1]) } : null,
        decided: done.has('store.decide') ? 1 : null,
        staged: done.has('store.stage') && !isApplied ? [1] : [],
      })
    },
  )

  it('forgets a job when it is told to, unless the worker crashes first', async () => {
    const setting = new Setting()
    await setting.run(epochOne(setting.backend(new WorkerFaults())))
    const faults = new WorkerFaults()
    faults.crashAt(1, 'before')
    expect(await setting.run(setting.backend(faults).clear('j'))).toBe('pending')
    const applied = async (): Promise<unknown> => {
      const acquired = await setting.run(setting.backend(new WorkerFaults()).task(ADDRESS).acquire())
      return acquired === 'pending' ? acquired : (acquired.applied?.epoch ?? null)
    }
    expect(await applied()).toBe(1)
    await setting.run(setting.backend(new WorkerFaults()).clear('j'))
    expect(await applied()).toBeNull()
  })

  it('lets a zombie go on after its thaw, and the backend refuse it', async () => {
    const setting = new Setting()
    const faults = new WorkerFaults()
    const zombie: TaskStore = setting.backend(faults).task(ADDRESS)
    await setting.run(zombie.acquire())
    faults.freeze()
    const late = zombie.stage(delta(1)).catch((error: unknown) => error)
    const owner = setting.backend(new WorkerFaults()).task(ADDRESS)
    expect(await setting.run(owner.acquire())).toMatchObject({ staged: [] })
    faults.thaw()
    expect(await setting.run(late)).toMatchObject({ code: 'FENCED' })
  })
})
