import { describe, expect, it } from 'vitest'
import { MetricRegistry } from '../../src/metrics/metric-registry.ts'
import { mergePrometheusTexts, prometheusText } from '../../src/metrics/prometheus.ts'

describe('prometheusText', () => {
  it('is empty without metrics', () => {
    expect(prometheusText(new MetricRegistry())).toBe('')
  })

  it('writes counters with _total, gauges as they are, and the special numbers', () => {
    const registry = new MetricRegistry()
    registry.group({ job: 'j' }).counter('in', 'Records in.').add(3)
    registry.counter('in', '').add(1.5)
    registry.counter('out_total', 'Records out.')
    registry.gauge('low', 'Lowest.', () => Number.NEGATIVE_INFINITY)
    registry.gauge('high', 'Highest.', () => Number.POSITIVE_INFINITY)
    expect(prometheusText(registry)).toBe(
      [
        '# HELP in_total Records in.',
        '# TYPE in_total counter',
        'in_total{job="j"} 3',
        'in_total 1.5',
        '# HELP out_total Records out.',
        '# TYPE out_total counter',
        'out_total 0',
        '# HELP low Lowest.',
        '# TYPE low gauge',
        'low -Inf',
        '# HELP high Highest.',
        '# TYPE high gauge',
        'high +Inf',
        '',
      ].join('\n'),
    )
  })

  it('writes histograms with cumulative buckets, sum and count', () => {
    const registry = new MetricRegistry()
    const histogram = registry.group({ task: 't' }).histogram('d_ms', 'Duration.')
    for (const value of [0.25, 1, 1.5, 1e9]) histogram.record(value)
    const lines = prometheusText(registry).split('\n')
    expect(lines[1]).toBe('# TYPE d_ms histogram')
    expect(lines).toEqual(
      expect.arrayContaining([
        'd_ms_bucket{task="t",le="0.25"} 1',
        'd_ms_bucket{task="t",le="1"} 2',
        'd_ms_bucket{task="t",le="2"} 3',
        'd_ms_bucket{task="t",le="131072"} 3',
        'd_ms_bucket{task="t",le="+Inf"} 4',
        'd_ms_sum{task="t"} 1000000002.75',
        'd_ms_count{task="t"} 4',
      ]),
    )
  })

  it('escapes help texts and label values, and replaces what names cannot have', () => {
    const registry = new MetricRegistry()
    registry.group({ '1st-label': 'a"b\\c\nd', __own: 'é' }).counter('my.metric', 'a\\b\nc')
    expect(prometheusText(registry)).toBe(
      [
        '# HELP my_metric_total a\\\\b\\nc',
        '# TYPE my_metric_total counter',
        'my_metric_total{_1st_label="a\\"b\\\\c\\nd",_own="é"} 0',
        '',
      ].join('\n'),
    )
  })

  it('shows a gauge that throws as NaN beside the others', () => {
    const registry = new MetricRegistry()
    registry.gauge('bad', '', () => {
      throw new Error('no')
    })
    registry.gauge('good', '', () => 1)
    expect(prometheusText(registry)).toMatch(/^bad NaN$[\s\S]*^good 1$/m)
  })
})

describe('mergePrometheusTexts', () => {
  it('describes each metric once, with the series of all texts behind it', () => {
    const texts = ['0', '1'].map((slot) => {
      const registry = new MetricRegistry()
      registry.group({ slot }).counter('in', 'Records in.').add(1)
      registry.group({ slot }).gauge('lag', 'Lag.', () => 2)
      return prometheusText(registry)
    })
    expect(mergePrometheusTexts(['', ...texts]).split('\n')).toEqual([
      '# HELP in_total Records in.',
      '# TYPE in_total counter',
      'in_total{slot="0"} 1',
      'in_total{slot="1"} 1',
      '# HELP lag Lag.',
      '# TYPE lag gauge',
      'lag{slot="0"} 2',
      'lag{slot="1"} 2',
      '',
    ])
    expect(mergePrometheusTexts(['', ''])).toBe('')
  })
})
