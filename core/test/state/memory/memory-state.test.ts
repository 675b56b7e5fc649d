import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/metrics/logger.ts'
import { memoryState } from '../../../src/state/memory/index.ts'
import { type Clock, systemClock } from '../../../src/time/clock.ts'
import { type StateBackendUnderTest, stateBackendContract } from '../../contract/state-backend.contract.ts'

const context = { clock: systemClock, logger: silentLogger }

stateBackendContract('memory', async () => {
  const state = memoryState({ betweenChunks: () => storage.betweenChunks?.() })
  const storage: StateBackendUnderTest = {
    open: async () => state.create(context),
    betweenChunks: undefined,
    setUnknownVersion: async (address) => {
      state.storage(address).version = 2
    },
    close: async () => {},
  }
  return storage
})

describe('memoryState', () => {
  const address = { job: 'j', region: 'r', index: 0 }

  it('takes the given time for each request and each reply', async () => {
    const delays: number[] = []
    const clock: Clock = {
      now: () => 0,
      yield: async () => {},
      setTimer(delayMs, callback) {
        delays.push(delayMs)
        queueMicrotask(callback)
        return () => {}
      },
    }
    let next = 0
    await memoryState({ latencyMs: () => ++next })
      .create({ ...context, clock })
      .task(address)
      .acquire()
    await memoryState({ latencyMs: 7 })
      .create({ ...context, clock })
      .task(address)
      .acquire()
    expect(delays).toEqual([1, 2, 7, 7])
  })

  it('has a write arrive before its reply does, so that a crash can fall between them', async () => {
    const pending: (() => void)[] = []
    const clock: Clock = {
      now: () => 0,
      yield: async () => {},
      setTimer(_, callback) {
        pending.push(callback)
        return () => {}
      },
    }
    const slow = { value: false }
    const state = memoryState({ latencyMs: 0 })
    const store = state.create({ ...context, clock }).task(address)
    const acquiring = store.acquire().then(() => (slow.value = true))
    pending.shift()?.()
    await Promise.resolve()
    await Promise.resolve()
    expect([state.storage(address).fence, slow.value]).toEqual([1, false])
    pending.shift()?.()
    await acquiring
    expect(slow.value).toBe(true)
  })

  it('is shared by the backends of one provider, also by one created after another was closed', async () => {
    const provider = memoryState()
    const first = provider.create(context)
    const store = first.task(address)
    await store.acquire()
    await store.stage({ epoch: 1, meta: Buffer.from('m'), changes: [] })
    await first.close()
    expect((await provider.create(context).task(address).acquire()).staged).toEqual([1])
    expect((await memoryState().create(context).task(address).acquire()).staged).toEqual([])
  })

  it('is not durable and says that it lies in memory', () => {
    const state = memoryState().create(context)
    expect([state.kind, state.durable, state.describe()]).toEqual(['memory', false, 'memory'])
  })
})
