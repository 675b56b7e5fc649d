import { describe, expect, it } from 'vitest'
import { BackPressureSampler, backPressureLevel } from '../../src/runtime/back-pressure.ts'
import { VirtualClock } from '../../src/time/virtual-clock.ts'

describe('back-pressure', () => {
  it('has the levels OK up to 0.1, LOW up to 0.5, HIGH above', () => {
    expect([0, 0.1, 0.11, 0.5, 0.51, 1].map(backPressureLevel)).toEqual(['OK', 'OK', 'LOW', 'LOW', 'HIGH', 'HIGH'])
  })

  it('is the share of samples in which the task was blocked, measured again after the refresh interval', async () => {
    const clock = new VirtualClock()
    let asked = 0
    let isBlocked = (): boolean => asked++ % 4 === 0
    const sampler = new BackPressureSampler(clock, { samples: 100, delayMs: 50, refreshIntervalMs: 60_000 }, () =>
      isBlocked(),
    )
    sampler.start()
    await clock.advanceBy(100 * 50)
    expect(sampler.latest).toEqual({ ratio: 0.25, level: 'LOW', at: clock.now() })
    isBlocked = () => true
    await clock.advanceBy(59_000)
    expect(sampler.latest.level).toBe('LOW')
    await clock.advanceBy(1_000 + 100 * 50)
    expect(sampler.latest).toMatchObject({ ratio: 1, level: 'HIGH' })
    sampler.stop()
  })
})
