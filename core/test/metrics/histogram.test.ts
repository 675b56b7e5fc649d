import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LogLinearHistogram } from '../../src/metrics/histogram.ts'

function recorded(values: readonly number[]): LogLinearHistogram {
  const histogram = new LogLinearHistogram()
  for (const value of values) histogram.record(value)
  return histogram
}

const duration = fc.oneof(
  fc.double({ min: 2 ** -10, max: 2 ** 32, noNaN: true }),
  fc.integer({ min: 1, max: 100_000 }),
  fc.integer({ min: -9, max: 31 }).map((exponent) => 2 ** exponent),
)

describe('LogLinearHistogram', () => {
  it('is empty at first', () => {
    const { count, sum, max } = new LogLinearHistogram()
    expect([count, sum, max, new LogLinearHistogram().percentile(50)]).toEqual([0, 0, 0, 0])
  })

  it('gives percentiles that are never below the true one and at most a sixteenth above', () => {
    fc.assert(
      fc.property(
        fc.array(duration, { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (values, percent) => {
          const sorted = values.toSorted((a, b) => a - b)
          const truth = sorted[Math.max(1, Math.ceil((percent / 100) * sorted.length)) - 1]!
          const estimate = recorded(values).percentile(percent)
          expect(estimate).toBeGreaterThanOrEqual(truth)
          expect(estimate).toBeLessThanOrEqual(truth * (1 + 1 / 16))
        },
      ),
    )
  })

  it('counts what is at or below a power of two exactly', () => {
    fc.assert(
      fc.property(fc.array(duration), fc.integer({ min: -9, max: 31 }), (values, exponent) => {
        const expected = values.filter((value) => value <= 2 ** exponent).length
        expect(recorded(values).countUpToPowerOfTwo(exponent)).toBe(expected)
      }),
    )
  })

  it('keeps count, sum and the largest value', () => {
    const histogram = recorded([3, 1, 2.5])
    expect([histogram.count, histogram.sum, histogram.max, histogram.percentile(100)]).toEqual([3, 6.5, 3, 3])
  })

  it('takes negative values for 0, ignores NaN, and has room for the smallest and the largest', () => {
    const histogram = recorded([-5, Number.NaN, 0, 1e-30, 1e300])
    expect([histogram.count, histogram.max, histogram.countUpToPowerOfTwo(0)]).toEqual([4, 1e300, 3])
    expect(recorded([-5]).percentile(50)).toBe(0)
  })
})
