import { describe, expect, it } from 'vitest'
import { MetricRegistry } from '../../src/metrics/metric-registry.ts'
import { prometheusText } from '../../src/metrics/prometheus.ts'

describe('a meter', () => {
  function measured(): { readonly rateAt: (timeMs: number) => number; readonly add: (n: number) => void } {
    let nowMs = 1_000
    const registry = new MetricRegistry(() => nowMs)
    const texts = registry.meter('texts', 'Texts seen')
    return {
      add: (n) => texts.add(n),
      rateAt(timeMs) {
        nowMs = timeMs
        return Number(/^texts_per_second (\S+)$/m.exec(prometheusText(registry))?.[1])
      },
    }
  }

  it('says how fast its counter grows, since the beginning at first and then over the last minute', () => {
    const { rateAt, add } = measured()
    expect(rateAt(1_000)).toBe(0)
    add(100)
    expect(rateAt(11_000)).toBe(10)
    expect(rateAt(21_000)).toBe(5)
    // The minute begins where somebody asked last before it.
    expect(rateAt(71_000)).toBe(0)
    add(30)
    expect(rateAt(101_000)).toBeCloseTo(30 / 80)
  })

  it('is the same however often it is asked', () => {
    const { rateAt, add } = measured()
    for (let at = 1_000; at <= 200_000; at += 100) {
      add(1)
      rateAt(at)
    }
    expect(rateAt(200_000)).toBeCloseTo(10, 1)
  })
})
