import { OptionError } from '../errors.ts'
import { LogLinearHistogram } from './histogram.ts'
import { Rate } from './rate.ts'
import { Counter, type GaugeReader, type Histogram, type Labels, type MetricGroup } from './registry.ts'

export type MetricKind = 'counter' | 'gauge' | 'histogram'

/** One series of a metric: its labels and its live value. */
export type Series =
  | { readonly kind: 'counter'; readonly labels: Labels; readonly counter: Counter }
  | { readonly kind: 'gauge'; readonly labels: Labels; readonly read: GaugeReader }
  | { readonly kind: 'histogram'; readonly labels: Labels; readonly histogram: LogLinearHistogram }

/** All series of one metric name. */
export interface MetricFamily {
  readonly name: string
  readonly kind: MetricKind
  readonly help: string
  readonly series: readonly Series[]
}

interface Family {
  readonly kind: MetricKind
  readonly help: string
  readonly series: Map<string, Series>
}

/**
 * All metrics of a process. It is itself the group without labels.
 * Asking for a counter or a histogram that exists gives the same one, so a task that was restarted goes on counting;
 * a gauge is replaced by the newest reader.
 */
export class MetricRegistry implements MetricGroup {
  readonly #families = new Map<string, Family>()
  readonly #root: Group = new Group(this, {})
  /** For rates; milliseconds that never go back. */
  readonly now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.now = now
  }

  counter(name: string, help: string): Counter {
    return this.#root.counter(name, help)
  }

  gauge(name: string, help: string, read: GaugeReader): void {
    this.#root.gauge(name, help, read)
  }

  histogram(name: string, help: string): Histogram {
    return this.#root.histogram(name, help)
  }

  meter(name: string, help: string): Counter {
    return this.#root.meter(name, help)
  }

  group(labels: Labels): MetricGroup {
    return new Group(this, labels)
  }

  /** The families in the order of their first registration, each with its live series. */
  families(): MetricFamily[] {
    const families: MetricFamily[] = []
    for (const [name, family] of this.#families) {
      if (family.series.size === 0) continue
      families.push({ name, kind: family.kind, help: family.help, series: [...family.series.values()] })
    }
    return families
  }

  /** The series with exactly these labels; undefined when there is none. */
  find(name: string, labels: Labels = {}): Series | undefined {
    return this.#families.get(name)?.series.get(seriesKey(labels))
  }

  /** Forgets every series that carries all of these labels, such as those of a task that has left this worker. */
  remove(labels: Labels): void {
    const wanted = Object.entries(labels)
    for (const family of this.#families.values()) {
      for (const [key, series] of family.series) {
        if (wanted.every(([name, value]) => series.labels[name] === value)) family.series.delete(key)
      }
    }
  }

  /** For groups: adds or finds the series. @throws OPTION_INVALID when the name is taken by another kind of metric */
  register<S extends Series>(name: string, help: string, created: S, replace: boolean): S {
    let family = this.#families.get(name)
    if (family === undefined) {
      family = { kind: created.kind, help, series: new Map() }
      this.#families.set(name, family)
    } else if (family.kind !== created.kind) {
      throw new OptionError(`metric ${name} is a ${family.kind} already and cannot be a ${created.kind} too`)
    }
    const key = seriesKey(created.labels)
    const existing = family.series.get(key)
    if (existing !== undefined && !replace) return existing as S
    family.series.set(key, created)
    return created
  }
}

class Group implements MetricGroup {
  readonly #registry: MetricRegistry
  readonly #labels: Labels

  constructor(registry: MetricRegistry, labels: Labels) {
    this.#registry = registry
    this.#labels = labels
  }

  counter(name: string, help: string): Counter {
    const series = { kind: 'counter', labels: this.#labels, counter: new Counter() } as const
    return this.#registry.register(name, help, series, false).counter
  }

  gauge(name: string, help: string, read: GaugeReader): void {
    this.#registry.register(name, help, { kind: 'gauge', labels: this.#labels, read } as const, true)
  }

  histogram(name: string, help: string): Histogram {
    const series = { kind: 'histogram', labels: this.#labels, histogram: new LogLinearHistogram() } as const
    return this.#registry.register(name, help, series, false).histogram
  }

  meter(name: string, help: string): Counter {
    const counter = this.counter(name, help)
    const rate = new Rate(counter, this.#registry.now)
    this.gauge(`${name}_per_second`, `${help}, per second`, () => rate.perSecond)
    return counter
  }

  group(labels: Labels): MetricGroup {
    return new Group(this.#registry, { ...this.#labels, ...labels })
  }
}

function seriesKey(labels: Labels): string {
  const names = Object.keys(labels).sort()
  return JSON.stringify(names.map((name) => [name, labels[name]]))
}
