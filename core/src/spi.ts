/** What implementers of logs, state backends, sources and sinks need. */

export type * from './connector/sink.ts'
export type * from './connector/source.ts'
export type * from './log/log.ts'
export type { LogProvider } from './log/provider.ts'
export type { Operator, OperatorContext, Receiver } from './operator/operator.ts'
export { MAX_WATERMARK, MIN_WATERMARK, NO_TIMESTAMP } from './operator/operator.ts'
export { ByteWriter } from './serde/byte-writer.ts'
export type { Serde } from './serde/serde.ts'
export { isProjectable, type ProjectableSerde } from './serde/serde.ts'
export type * from './state/backend.ts'
export type { StateProvider } from './state/provider.ts'
export { type Clock, systemClock } from './time/clock.ts'
