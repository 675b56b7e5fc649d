/** A count that only grows. The hot path adds to `value` directly. */
export class Counter {
  value = 0
  add(amount = 1): void {
    this.value += amount
  }
}

export type GaugeReader = () => number

/** Labels of one series; names and values are exposed as they are. */
export type Labels = Readonly<Record<string, string>>

/** The metrics of one operator, task or worker: every metric made through it carries its labels. */
export interface MetricGroup {
  counter(name: string, help: string): Counter
  /** Reads the value when somebody asks. */
  gauge(name: string, help: string, read: GaugeReader): void
  histogram(name: string, help: string): Histogram
  /** A counter `name`, and a gauge `<name>_per_second` of how fast it grows. */
  meter(name: string, help: string): Counter
  group(labels: Labels): MetricGroup
}

/** A distribution of durations in milliseconds. */
export interface Histogram {
  record(value: number): void
  readonly count: number
  /** The value below which `percent` (0–100) of the recorded ones lie; 0 when nothing was recorded. */
  percentile(percent: number): number
}
