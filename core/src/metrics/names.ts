import type { MetricKind } from './metric-registry.ts'
import type { Counter, GaugeReader, Histogram, MetricGroup } from './registry.ts'

export interface MetricDefinition {
  readonly name: string
  readonly kind: MetricKind
  /** Of the value; `1` is a plain count. */
  readonly unit: 'records' | 'bytes' | 'ms' | '1'
  readonly help: string
}

export type CounterDefinition = MetricDefinition & { readonly kind: 'counter' }
export type GaugeDefinition = MetricDefinition & { readonly kind: 'gauge' }
export type HistogramDefinition = MetricDefinition & { readonly kind: 'histogram' }

export type CounterName =
  | 'recordsIn'
  | 'recordsOut'
  | 'bytesIn'
  | 'bytesOut'
  | 'lateRecordsDropped'
  | 'decodeFailures'
  | 'epochBytes'
  | 'epochChanges'
  | 'restarts'
export type GaugeName =
  | 'busyMs'
  | 'idleMs'
  | 'backPressuredMs'
  | 'watermarkMs'
  | 'watermarkLagMs'
  | 'epoch'
  | 'consumerLag'
  | 'tasksOwned'
export type HistogramName = 'epochDurationMs'

export type MetricList = Readonly<
  Record<CounterName, CounterDefinition> &
    Record<GaugeName, GaugeDefinition> &
    Record<HistogramName, HistogramDefinition>
>

/**
 * Every metric that the engine itself keeps: the one list of names, units and help texts, from which docs/metrics.md is
 * checked. Names carry their unit, counters are exposed with `_total`. Sums that are read when asked for are gauges.
 * Labels: `job`, `region`, `task`; `operator` for those of one operator.
 */
export const metrics: MetricList = {
  recordsIn: counter(
    'millrace_records_in',
    'records',
    'Records read by sources and exchanges, or received by the operator.',
  ),
  recordsOut: counter('millrace_records_out', 'records', 'Records written by sinks, or emitted by the operator.'),
  bytesIn: counter('millrace_bytes_in', 'bytes', 'Bytes of keys and values read from the log.'),
  bytesOut: counter('millrace_bytes_out', 'bytes', 'Bytes of keys and values written to the log.'),
  lateRecordsDropped: counter(
    'millrace_late_records_dropped',
    'records',
    'Records that came after their window was gone.',
  ),
  decodeFailures: counter(
    'millrace_records_undecodable',
    'records',
    'Records skipped or dead-lettered because they did not decode.',
  ),
  busyMs: gauge('millrace_task_busy_ms', 'ms', 'Milliseconds the task worked, in sum.'),
  idleMs: gauge('millrace_task_idle_ms', 'ms', 'Milliseconds the task had nothing to do, in sum.'),
  backPressuredMs: gauge('millrace_task_blocked_ms', 'ms', 'Milliseconds the task was blocked downstream, in sum.'),
  watermarkMs: gauge(
    'millrace_task_watermark_ms',
    'ms',
    'Lowest watermark of the inputs, as Unix time; -Inf before the first.',
  ),
  watermarkLagMs: gauge('millrace_task_watermark_lag_ms', 'ms', 'Clock time minus the watermark.'),
  epoch: gauge('millrace_task_epoch', '1', 'Number of the last committed epoch.'),
  epochDurationMs: histogram(
    'millrace_epoch_duration_ms',
    'ms',
    'Milliseconds from the barrier to the end of the commit.',
  ),
  epochBytes: counter('millrace_epoch_bytes', 'bytes', 'Bytes of state changes committed.'),
  epochChanges: counter('millrace_epoch_changes', '1', 'State changes committed.'),
  consumerLag: gauge(
    'millrace_task_input_lag_records',
    'records',
    'Committed records of the inputs that are not yet read.',
  ),
  restarts: counter('millrace_task_restarts', '1', 'Restarts of the task after a failure.'),
  tasksOwned: gauge('millrace_tasks_owned', '1', 'Tasks that this worker runs; 0 on a standby.'),
}

/** Makes or finds a counter from the list in a group. */
export function counterOf(group: MetricGroup, definition: CounterDefinition): Counter {
  return group.counter(definition.name, definition.help)
}

/** Registers a gauge from the list in a group. */
export function gaugeOf(group: MetricGroup, definition: GaugeDefinition, read: GaugeReader): void {
  group.gauge(definition.name, definition.help, read)
}

/** Makes or finds a histogram from the list in a group. */
export function histogramOf(group: MetricGroup, definition: HistogramDefinition): Histogram {
  return group.histogram(definition.name, definition.help)
}

function counter(name: string, unit: MetricDefinition['unit'], help: string): CounterDefinition {
  return { name, kind: 'counter', unit, help }
}

function gauge(name: string, unit: MetricDefinition['unit'], help: string): GaugeDefinition {
  return { name, kind: 'gauge', unit, help }
}

function histogram(name: string, unit: MetricDefinition['unit'], help: string): HistogramDefinition {
  return { name, kind: 'histogram', unit, help }
}
