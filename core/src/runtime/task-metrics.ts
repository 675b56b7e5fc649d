import type { Counter, Histogram, MetricGroup } from '../metrics/registry.ts'
import type { BusyTime } from './busy-time.ts'

export interface TaskMetrics {
  readonly recordsIn: Counter
  readonly recordsOut: Counter
  readonly bytesIn: Counter
  readonly undecodable: Counter
  readonly epochDuration: Histogram
  readonly epochChanges: Counter
  readonly epochBytes: Counter
}

export interface TaskGauges {
  readonly busy: BusyTime
  readonly epoch: () => number
  readonly watermark: () => number
  readonly lag: () => number
  readonly now: () => number
}

export function createTaskMetrics(group: MetricGroup, gauges: TaskGauges): TaskMetrics {
  group.gauge('millrace_task_busy_ms', 'Milliseconds the task worked', () => gauges.busy.total('busy'))
  group.gauge('millrace_task_idle_ms', 'Milliseconds the task had nothing to do', () => gauges.busy.total('idle'))
  group.gauge('millrace_task_blocked_ms', 'Milliseconds the task was blocked downstream', () =>
    gauges.busy.total('blocked'),
  )
  group.gauge('millrace_task_epoch', 'Last committed epoch', gauges.epoch)
  group.gauge('millrace_task_watermark_ms', 'Lowest watermark of the inputs', gauges.watermark)
  group.gauge('millrace_task_watermark_lag_ms', 'Clock time minus watermark', () => gauges.now() - gauges.watermark())
  group.gauge('millrace_task_input_lag_records', 'Committed records of the inputs not yet read', gauges.lag)
  return {
    recordsIn: group.counter('millrace_records_in', 'Records read by sources and exchanges'),
    recordsOut: group.counter('millrace_records_out', 'Records written by sinks'),
    undecodable: group.counter(
      'millrace_records_undecodable',
      'Records skipped or dead-lettered because they did not decode',
    ),
    epochDuration: group.histogram(
      'millrace_epoch_duration_ms',
      'Milliseconds from the barrier to the end of the commit',
    ),
    bytesIn: group.counter('millrace_bytes_in', 'Bytes of keys and values read from the log'),
    epochBytes: group.counter('millrace_epoch_bytes', 'Bytes of state changes committed'),
    epochChanges: group.counter('millrace_epoch_changes', 'State changes committed'),
  }
}
