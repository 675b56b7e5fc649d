export type { AsyncCall, LookupCacheOptions, LookupJoinOptions } from './api/async-stream.ts'
export type { BroadcastSets, SetsOf } from './api/batch/broadcast-sets.ts'
export type { DataSet, SampleOptions } from './api/batch/data-set.ts'
export type { GroupedDataSet } from './api/batch/grouped-data-set.ts'
export type { JoinKeys, JoinSetOptions, JoinStrategy } from './api/batch/join-spec.ts'
export type { SortBy, SortKey } from './api/batch/sort-keys.ts'
export type { BroadcastJoinOptions } from './api/broadcast-join.ts'
export type {
  BroadcastConnectedStream,
  BroadcastStream,
  KeyedBroadcastConnectedStream,
} from './api/broadcast-stream.ts'
export type { ConnectedStreams, KeyedConnectedStreams } from './api/connected-streams.ts'
export type { BroadcastOptions, DataStream, ExchangeOptions, KeyByOptions } from './api/data-stream.ts'
export type { BacklogBounds, Environment, SourceOptions, TopicOptions, TopicRecord } from './api/environment.ts'
export type { ExplainOptions, Explanation } from './api/explain.ts'
export type { Ordered } from './api/field-reduce.ts'
export { type Job, job } from './api/job.ts'
export type { JobHandle, JobHealth, JobResult, JobStatus } from './api/job-handle.ts'
export type { AsOfJoinOptions, IntervalJoinOptions, JoinSerdes, RegularJoinOptions } from './api/joins.ts'
export type { KeyedStream } from './api/keyed-stream.ts'
export type {
  BulkOptions,
  ConstantOptions,
  DeltaOptions,
  IterateOptions,
  LoopContext,
  SolutionSet,
} from './api/looped-stream.ts'
export type { RunOptions } from './api/run-options.ts'
export type { SinkHandle } from './api/sink-handle.ts'
export type { SinkTopology } from './api/sink-topology.ts'
export type { CandidateOptions, SolutionContext } from './api/solution-set.ts'
export type { TopicSinkOptions } from './api/topic-sink.ts'
export type { WindowedStream, WindowMap, WindowStateOptions } from './api/windowed-stream.ts'
export {
  type NewSavepointOptions,
  type SavedKey,
  type SavedPosition,
  type SavedTimer,
  SavepointFile,
} from './checkpoint/savepoint-file.ts'
export type { JobState } from './cluster/job-state.ts'
export { type RestartStrategy, restart } from './cluster/restart-strategy.ts'
export type { SavepointChanges } from './cluster/savepoint-changes.ts'
export type { CommittedState, StateView } from './cluster/state-view.ts'
export type { WorkerEvent, WorkerState, WorkerStatus } from './cluster/status.ts'
export {
  type BatchContext,
  type BatchingOptions,
  type BatchOutcome,
  type BatchResult,
  batchingSink,
} from './connector/batching.ts'
export { committer } from './connector/committer.ts'
export * from './errors.ts'
export { kafka } from './log/kafka/index.ts'
export { memoryLog } from './log/memory/index.ts'
export { type Logger, silentLogger, stderrLogger } from './metrics/logger.ts'
export type { Counter, GaugeReader, Histogram, Labels, MetricGroup } from './metrics/registry.ts'
export type { AsyncFunction, AsyncOptions, AsyncRetryOptions, CallContext } from './operator/async/async-function.ts'
export { type BatchedLookupOptions, batchedLookup, type FoundMany } from './operator/async/batched-lookup.ts'
export type { Lookup, LookupContext } from './operator/async/lookup.ts'
export type { PartitionContext } from './operator/batch/partition-operator.ts'
export type { JoinMap, JoinType } from './operator/join/join-type.ts'
export { type Aggregator, aggregators } from './operator/loop/aggregator.ts'
export type { Round } from './operator/loop/round.ts'
export { type OperatorListDescriptor, type OperatorListOptions, operatorListState } from './operator/operator-list.ts'
export { type OutputTag, outputTag } from './operator/output-tag.ts'
export type {
  BroadcastContext,
  BroadcastProcessFunction,
  Collector,
  CoProcessFunction,
  KeyedBroadcastProcessFunction,
  KeyedContext,
  KeyedCoProcessFunction,
  KeyedProcessFunction,
  OpenContext,
  ProcessContext,
  ProcessFunction,
  ReadonlyHandles,
  RichFunction,
  SignalContext,
  TaskContext,
  TaskOpenContext,
  TimerFired,
  Timers,
  TimersAtEnd,
} from './operator/process-function.ts'
export {
  backlog,
  booleanSignal,
  numberSignal,
  type ReceivedSignal,
  type Signal,
  type SignalCombination,
  type SignalOptions,
  type SignalValue,
} from './operator/signal/signal.ts'
export { type Evictor, type EvictorOptions, evictors, type WindowElement } from './operator/window/evictor.ts'
export type { Trigger, TriggerContext, TriggerDecision } from './operator/window/trigger.ts'
export { type EndOfWindowOptions, type TimeoutOptions, triggers } from './operator/window/triggers.ts'
export {
  type AlignedWindowOptions,
  type CustomWindowOptions,
  countWindows,
  cumulative,
  customWindows,
  deltaWindows,
  globalWindows,
  sessions,
  sliding,
  type TimeWindow,
  type TimeWindowOptions,
  type TumblingWindowOptions,
  tumbling,
  type WindowAssigner,
} from './operator/window/window-assigner.ts'
export type { FiringTime, WindowContext, WindowFunction } from './operator/window/window-function.ts'
export type { RuleName } from './plan/optimize/applied.ts'
export type { BackPressure, BackPressureLevel } from './runtime/back-pressure.ts'
export type { TaskState, TaskStatus } from './runtime/task-status.ts'
export { json } from './serde/json.ts'
export type { JsonCodec } from './serde/json-codec/codec.ts'
export { msgpack } from './serde/msgpack.ts'
export { bytes, number, string } from './serde/primitives.ts'
export { schema } from './serde/schema.ts'
export type { Serde } from './serde/serde.ts'
export { type Migration, type VersionedOptions, versioned } from './serde/versioned.ts'
export {
  type Aggregate,
  aggregatingState,
  listState,
  mapState,
  type NoState,
  reducingState,
  type StateDescriptors,
  type StateHandles,
  valueState,
} from './state/keyed/descriptor.ts'
export type { AggregatingState, ListState, MapState, ReducingState, ValueState } from './state/keyed/handles.ts'
export type { StateTtl } from './state/keyed/ttl.ts'
export { memoryState } from './state/memory/index.ts'
export { redis } from './state/redis/index.ts'
export type { RetryOptions } from './time/back-off.ts'
export { type Duration, durationMs } from './time/duration.ts'
export type { SignedDuration } from './time/signed-duration.ts'
export {
  type TimeField,
  type TimestampAssigner,
  type WatermarkGenerator,
  type WatermarkStrategy,
  watermarks,
} from './time/watermark-strategy.ts'
