import { expect, it } from 'vitest'
import { stalledPercent, undisturbedStep } from '../../costs/steps.ts'
import { mean } from '../../report/statistics.ts'

/** Steps of a machine that is nearly twice as slow for seconds at a time; every hundredth step takes `pauseMs` longer. */
function steps(count: number, stepMs: number, pauseMs: number): number[] {
  return Array.from({ length: count }, (_, at) => {
    const slowness = Math.floor(at / 170) % 3 === 0 ? 1 : 1.8
    return stepMs * slowness * (1 + (at % 7) / 100) + (at % 100 === 50 ? pauseMs : 0)
  })
}

it('tells the pauses of a run from the unrest of the machine', () => {
  const without = stalledPercent(steps(2_000, 10, 0))
  for (const pauseMs of [5, 30]) {
    const run = steps(2_000, 10, pauseMs)
    const paused = pauseMs / mean(run) // One in a hundred steps: percent.
    expect(Math.abs(stalledPercent(run) - without - paused)).toBeLessThan(0.1)
  }
})

it('finds how long a step takes that nobody disturbs, though most are disturbed', () => {
  expect(undisturbedStep([steps(2_000, 10, 30), steps(2_000, 10, 30)])).toBeCloseTo(10, 0)
  expect(undisturbedStep([steps(2_000, 11, 30)]) / undisturbedStep([steps(2_000, 10, 30)])).toBeCloseTo(1.1, 3)
})
