import { describe, expect, it } from 'vitest'
import { type CrashMoment, WorkerFaults } from '../../../src/testing/faults/index.ts'
import { VirtualClock } from '../../../src/time/virtual-clock.ts'

/** What became of a promise, as far as it is known. */
function watch(promise: Promise<unknown>): { outcome: string } {
  const watched = { outcome: 'pending' }
  promise.then(
    (value) => {
      watched.outcome = `resolved with ${value}`
    },
    (error: Error) => {
      watched.outcome = `rejected with ${error.message}`
    },
  )
  return watched
}

describe('WorkerFaults', () => {
  it('does nothing to a worker that runs, but to note its calls', async () => {
    const faults = new WorkerFaults()
    expect(await faults.call('one', async () => 1)).toBe(1)
    await expect(faults.call('two', () => Promise.reject(new Error('refused')))).rejects.toThrow('refused')
    expect(faults.step('three')).toBe(true)
    expect(faults.calls).toEqual(['one', 'two', 'three'])
    expect(faults.state).toBe('running')
  })

  it.each<[CrashMoment, string[]]>([
    ['before', ['a']],
    ['after', ['a', 'b']],
  ])('crashes %s the effect of a call, which never resolves', async (moment, expected) => {
    const clock = new VirtualClock()
    let crashes = 0
    const faults = new WorkerFaults({ onCrash: () => crashes++ })
    const effects: string[] = []
    const call = (name: string): { outcome: string } => watch(faults.call(name, async () => effects.push(name)))
    faults.crashAt(2, moment)
    const outcomes = [call('a')]
    await clock.yield()
    outcomes.push(call('b'))
    await clock.yield()
    outcomes.push(call('c'))
    await clock.yield()
    expect(effects).toEqual(expected)
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['resolved with 1', 'pending', 'pending'])
    expect([faults.state, crashes]).toEqual(['crashed', 1])
    faults.thaw()
    faults.crash()
    expect([faults.state, crashes]).toEqual(['crashed', 1])
  })

  it('crashes after a call that failed too', async () => {
    const clock = new VirtualClock()
    const faults = new WorkerFaults()
    faults.crashAt(1, 'after')
    const call = watch(faults.call('a', () => Promise.reject(new Error('refused'))))
    await clock.yield()
    expect([call.outcome, faults.state]).toEqual(['pending', 'crashed'])
  })

  it('keeps the answers to other calls from a worker that has crashed meanwhile', async () => {
    const clock = new VirtualClock()
    const faults = new WorkerFaults()
    const answer = Promise.withResolvers<string>()
    const call = watch(faults.call('slow', () => answer.promise))
    faults.crash()
    answer.resolve('too late')
    await clock.yield()
    expect(call.outcome).toBe('pending')
  })

  it('holds calls, answers, callbacks and timers of a frozen worker, and lets them happen in order at the thaw', async () => {
    const clock = new VirtualClock()
    const faults = new WorkerFaults()
    const own = faults.clock(clock)
    const order: string[] = []
    const answer = Promise.withResolvers<void>()
    void faults.call('early', () => answer.promise).then(() => order.push('answer to early'))
    own.setTimer(5, () => order.push('timer'))
    const cancel = own.setTimer(5, () => order.push('cancelled timer'))
    faults.freeze()
    await clock.advanceBy(10)
    cancel()
    faults.deliver(() => order.push('callback'))
    const late = watch(faults.call('late', async () => order.push('effect of late')))
    answer.resolve()
    await clock.runUntilIdle()
    expect(order).toEqual([])
    faults.thaw()
    await clock.runUntilIdle()
    expect(order).toEqual(['timer', 'callback', 'effect of late', 'answer to early'])
    expect(late.outcome).toBe('resolved with 3')
  })

  it('freezes again in the middle of a thaw', () => {
    const faults = new WorkerFaults()
    const order: string[] = []
    faults.freeze()
    faults.deliver(() => faults.freeze())
    faults.deliver(() => order.push('second'))
    faults.thaw()
    expect([faults.state, order]).toEqual(['frozen', []])
    faults.thaw()
    expect([faults.state, order]).toEqual(['running', ['second']])
  })

  it('drops what it held when a frozen worker crashes', async () => {
    const clock = new VirtualClock()
    const faults = new WorkerFaults()
    const own = faults.clock(clock)
    const order: string[] = []
    own.setTimer(1, () => order.push('timer'))
    void own.yield().then(() => order.push('yield'))
    faults.freeze()
    await clock.advanceBy(2)
    faults.crash()
    faults.thaw()
    faults.deliver(() => order.push('callback'))
    await clock.advanceBy(2)
    expect(order).toEqual([])
  })
})
