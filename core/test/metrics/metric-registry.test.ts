import { describe, expect, it } from 'vitest'
import { MetricRegistry } from '../../src/metrics/metric-registry.ts'

describe('MetricRegistry', () => {
  it('gives the same counter and histogram for the same name and labels, in whatever order the labels came', () => {
    const registry = new MetricRegistry()
    const first = registry.group({ job: 'j' }).group({ task: 't' })
    const second = registry.group({ task: 't', job: 'j' })
    expect(second.counter('c', '')).toBe(first.counter('c', ''))
    expect(second.histogram('h', '')).toBe(first.histogram('h', ''))
    expect(registry.group({ job: 'j', task: 'u' }).counter('c', '')).not.toBe(first.counter('c', ''))
  })

  it('does not mix labels up whose texts run together', () => {
    const registry = new MetricRegistry()
    const a = registry.group({ a: '1","b":"2' }).counter('c', '')
    expect(registry.group({ a: '1', b: '2' }).counter('c', '')).not.toBe(a)
  })

  it('has the newest reader of a gauge', () => {
    const registry = new MetricRegistry()
    registry.gauge('g', '', () => 1)
    registry.gauge('g', '', () => 2)
    expect(registry.find('g')).toMatchObject({ kind: 'gauge', labels: {} })
    expect(registry.families().flatMap((family) => family.series.map((s) => s.kind === 'gauge' && s.read()))).toEqual([
      2,
    ])
  })

  it('has the labels of inner groups win over those of outer ones', () => {
    const registry = new MetricRegistry()
    registry.group({ job: 'j', operator: 'a' }).group({ operator: 'b' }).counter('c', '').add(3)
    expect(registry.find('c', { operator: 'b', job: 'j' })).toMatchObject({ counter: { value: 3 } })
  })

  it('refuses a name that another kind of metric has', () => {
    const registry = new MetricRegistry()
    registry.counter('x', '')
    expect(() => registry.gauge('x', '', () => 0)).toThrowError(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        message: expect.stringContaining('metric x is a counter already'),
      }),
    )
  })

  it('forgets the series that carry all the given labels, and no others', () => {
    const registry = new MetricRegistry()
    for (const task of ['0', '1']) {
      for (const job of ['a', 'b']) registry.group({ job, task }).counter('c', '')
    }
    registry.remove({ job: 'a', task: '1' })
    expect(registry.families()[0]?.series.map(({ labels }) => `${labels.job}${labels.task}`)).toEqual([
      'a0',
      'b0',
      'b1',
    ])
    registry.remove({})
    expect(registry.families()).toEqual([])
  })
})
