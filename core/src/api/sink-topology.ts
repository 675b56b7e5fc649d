import type { DataStream } from './data-stream.ts'
import type { SinkHandle } from './sink-handle.ts'

/**
 * A sink that consists of operators and sinks: what stands before its writers, between writers and committer, and behind the
 * commit. A stage is a two-phase sink whose `committed()` the next one reads; the last may be a `committer`. All of it is exactly-once, at any
 * parallelism, and what waits between two stages is state of the job. Each stage takes an epoch.
 *
 * @example
 * const gathered: SinkTopology<Row, Listing> = {
 *   connect: (rows) =>
 *     rows.to(segments).committed().keyBy(({ day }) => day).window(tumbling('1h')).process(list).to(committer('listings', publish)),
 * }
 */
export interface SinkTopology<T, Committed = never> {
  /** Adds the sink behind the stream. The same for every worker, as the job's own function. */
  connect(stream: DataStream<T>): SinkHandle<Committed>
}
