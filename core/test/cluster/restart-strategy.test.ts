import { describe, expect, it } from 'vitest'
import {
  decideRestart,
  type FailureHistory,
  noFailures,
  type RestartStrategy,
  restart,
} from '../../src/cluster/restart-strategy.ts'

/** Delays of failures at the given times until the strategy gives up (null). */
function delays(strategy: RestartStrategy, times: readonly number[], ranMs = 0): (number | null)[] {
  let history: FailureHistory = noFailures
  return times.map((nowMs) => {
    const decision = decideRestart(strategy, history, { nowMs, startedMs: nowMs - ranMs, serverUnavailable: false })
    if (!decision.restart) return null
    history = decision.history
    return decision.delayMs
  })
}

describe('restart strategies', () => {
  it('none gives up at once', () => {
    expect(delays(restart.none(), [0])).toEqual([null])
  })

  it('fixedDelay tries as often as it says', () => {
    expect(delays(restart.fixedDelay({ attempts: 2, delay: '5s' }), [0, 1, 2])).toEqual([5000, 5000, null])
  })

  it('exponential waits longer each time, up to its maximum', () => {
    const strategy = restart.exponential({ initial: '1s', max: '4s', attempts: 4 })
    expect(delays(strategy, [0, 1, 2, 3, 4])).toEqual([1000, 2000, 4000, 4000, null])
  })

  it('exponential forgets after a healthy time', () => {
    const strategy = restart.exponential({ initial: '1s', attempts: 1, resetAfter: '1m' })
    expect(delays(strategy, [0, 100_000, 200_000], 60_000)).toEqual([1000, 1000, 1000])
  })

  it('failureRate counts within its interval only', () => {
    const strategy = restart.failureRate({ failures: 2, interval: '10s', delay: '1s' })
    expect(delays(strategy, [0, 9_000, 12_000, 13_000])).toEqual([1000, 1000, 1000, null])
  })

  it('waits for servers for ever, with growing pauses, without counting it against the job', () => {
    let history: FailureHistory = noFailures
    const seen: number[] = []
    for (let at = 0; at < 12; at++) {
      const decision = decideRestart(restart.none(), history, { nowMs: at, startedMs: at, serverUnavailable: true })
      if (!decision.restart) throw new Error('gave up')
      history = decision.history
      seen.push(decision.delayMs)
    }
    expect(seen.slice(0, 4)).toEqual([200, 400, 800, 1600])
    expect(Math.max(...seen)).toBe(10_000)
    expect(history.failures).toEqual([])
  })

  it('refuses values that make no sense', () => {
    expect(() => restart.fixedDelay({ attempts: 0, delay: 1 })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
  })
})
