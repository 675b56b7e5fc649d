import type { LogLinearHistogram } from './histogram.ts'
import type { MetricFamily, MetricRegistry, Series } from './metric-registry.ts'
import type { Labels } from './registry.ts'

/** The content type to serve the text with. */
export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8'

/** Bucket bounds of histograms, as powers of two of milliseconds: 0.25 ms to 131 s. */
const bucketExponents = Array.from({ length: 20 }, (_, i) => i - 2)

/**
 * The metrics as Prometheus text. Counters end in `_total`, which is added where it is missing; characters that a name
 * cannot have become `_`. A gauge whose reader throws is NaN, so that one bad gauge does not hide the others.
 *
 * Source: Prometheus text exposition format 0.0.4.
 */
export function prometheusText(registry: MetricRegistry): string {
  const lines: string[] = []
  for (const family of registry.families()) writeFamily(family, lines)
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

/** Texts of several registries as one: each metric is described once, with the series of all of them behind it. */
export function mergePrometheusTexts(texts: readonly string[]): string {
  const families = new Map<string, string[]>()
  for (const text of texts) {
    let family: string[] = []
    let isKnown = false
    for (const line of text.split('\n')) {
      if (line.startsWith('# HELP ')) {
        const name = line.split(' ', 3)[2] as string
        isKnown = families.has(name)
        family = families.get(name) ?? []
        families.set(name, family)
      }
      if (line !== '' && !(isKnown && line.startsWith('# '))) family.push(line)
    }
  }
  const lines = [...families.values()].flat()
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

function writeFamily(family: MetricFamily, lines: string[]): void {
  const name = familyName(family)
  lines.push(`# HELP ${name} ${family.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`)
  lines.push(`# TYPE ${name} ${family.kind}`)
  for (const series of family.series) writeSeries(name, series, lines)
}

function familyName(family: MetricFamily): string {
  const name = validName(family.name, /[^a-zA-Z0-9_:]/g)
  return family.kind === 'counter' && !name.endsWith('_total') ? `${name}_total` : name
}

function writeSeries(name: string, series: Series, lines: string[]): void {
  switch (series.kind) {
    case 'counter':
      lines.push(`${name}${labelText(series.labels)} ${numberText(series.counter.value)}`)
      return
    case 'gauge':
      lines.push(`${name}${labelText(series.labels)} ${numberText(readGauge(series.read))}`)
      return
    case 'histogram':
      writeHistogram(name, series.labels, series.histogram, lines)
  }
}

function writeHistogram(name: string, labels: Labels, histogram: LogLinearHistogram, lines: string[]): void {
  for (const exponent of bucketExponents) {
    const count = histogram.countUpToPowerOfTwo(exponent)
    lines.push(`${name}_bucket${labelText(labels, String(2 ** exponent))} ${count}`)
  }
  lines.push(`${name}_bucket${labelText(labels, '+Inf')} ${histogram.count}`)
  lines.push(`${name}_sum${labelText(labels)} ${numberText(histogram.sum)}`)
  lines.push(`${name}_count${labelText(labels)} ${histogram.count}`)
}

function readGauge(read: () => number): number {
  try {
    return read()
  } catch {
    return Number.NaN // A scrape must show the other metrics; NaN is what Prometheus has for "not known".
  }
}

function labelText(labels: Labels, le?: string): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${labelName(name)}="${escapeLabel(value)}"`)
  if (le !== undefined) pairs.push(`le="${le}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function labelName(name: string): string {
  // Names with two leading underscores are reserved.
  return validName(name, /[^a-zA-Z0-9_]/g).replace(/^__+/, '_')
}

function validName(name: string, invalid: RegExp): string {
  const replaced = name.replace(invalid, '_')
  return /^[0-9]/.test(replaced) || replaced === '' ? `_${replaced}` : replaced
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}
