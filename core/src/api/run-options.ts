import { tmpdir } from 'node:os'
import type { JobSettings } from '../cluster/job-settings.ts'
import type { RestartStrategy } from '../cluster/restart-strategy.ts'
import type { WorkerEvent } from '../cluster/status.ts'
import { OptionError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import { memoryLog } from '../log/memory/index.ts'
import type { LogProvider } from '../log/provider.ts'
import { type Logger, stderrLogger } from '../metrics/logger.ts'
import { RULES, type RuleName } from '../plan/optimize/applied.ts'
import { defaultBackPressure } from '../runtime/back-pressure.ts'
import type { Guarantee } from '../runtime/task-environment.ts'
import type { StateBackend } from '../state/backend.ts'
import { memoryState } from '../state/memory/index.ts'
import type { StateProvider } from '../state/provider.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import { type Duration, durationMs } from '../time/duration.ts'

/** How to run a job. Everything has a default; the defaults run it in this process, with nothing to install. */
export interface RunOptions {
  /** Where topics live: `memoryLog()` or `kafka({ brokers })`. @default a new memoryLog() */
  readonly log?: Log | LogProvider
  /** Where state is kept: `memoryState()` or `redis({ url })`. @default a new memoryState() */
  readonly state?: StateBackend | StateProvider
  /**
   * Tasks of each keyed region, or `'partitions'`: as many as the widest input topic has. Fixed for the life of the job's
   * state. @default 1
   */
  readonly parallelism?: number | 'partitions'
  /** Number of key groups: the most that parallelism can ever be raised to. @default 128 */
  readonly maxParallelism?: number
  /** Worker threads of this process; each is a member of the job's group. 1 runs on the calling thread. @default 1 */
  readonly slots?: number
  /** Consumer group and prefix of transactional ids. @default the job's name */
  readonly group?: string
  /** `at-least-once` writes without transactions: visible at once, repeated after a crash. @default 'exactly-once' */
  readonly guarantee?: Guarantee
  /** Time between two commits: output becomes visible, and at most this much is replayed after a crash. @default '1s' */
  readonly epochInterval?: Duration
  /**
   * The same while a source says that it is behind (see the signal `backlog`): fewer commits cost less, and nobody waits for results of
   * long ago. At least `epochInterval`, and below `transactionTimeout`. @default epochInterval
   */
  readonly epochIntervalDuringBacklog?: Duration
  /** @default restart.exponential() on a durable log, restart.none() on the memory log */
  readonly restart?: RestartStrategy
  /** Lets a stateful job run on a durable log with a state backend that ends with the process. @default false */
  readonly allowVolatileState?: boolean
  /** The log aborts a transaction that is open longer; must exceed the longest commit. @default '60s' */
  readonly transactionTimeout?: Duration
  /** Bytes that each task reads ahead. @default 16 MiB */
  readonly maxBufferedInputBytes?: number
  /** Bytes of output that may wait for the log before a task is blocked. @default 32 MiB */
  readonly maxBufferedOutputBytes?: number
  /**
   * Bounds the state on the heap: keys that each keyed function and each window operator of a task holds. Other keys are read from
   * the backend when a record, a timer or the end of a window needs them, so that state may be larger than memory.
   * Functions that may visit all keys keep the names of the others. @default no bound
   */
  readonly stateCache?: { readonly maxKeys: number }
  /**
   * Bytes that the sorts, joins and groupings of bounded data hold in each task, as estimated from the values; what is beyond goes to
   * temporary files. @default 256 MiB
   */
  readonly memoryBudget?: number
  /**
   * Rules of the optimiser that are not applied, to see what each one brings or to go round a fault of one. Changing it changes the
   * graph, as another version of the job does. @default none
   */
  readonly withoutRules?: readonly RuleName[]
  /** Where temporary files go. @default the system's directory for them */
  readonly spillDirectory?: string
  /** A worker that is silent this long loses its tasks. @default '10s' */
  readonly sessionTimeout?: Duration
  /** @default '1s' */
  readonly heartbeatInterval?: Duration
  /** How long the group waits for its members to join again. @default '30s' */
  readonly rebalanceTimeout?: Duration
  /** How often unbounded sources are asked for new partitions and splits, which are read from their beginning. @default '5m' */
  readonly splitDiscovery?: Duration
  /** Sampling of back-pressure. @default 100 samples, 50 ms apart, every 60 s */
  readonly backPressure?: { readonly samples?: number; readonly delay?: Duration; readonly refreshInterval?: Duration }
  /** Ends the run on SIGTERM and SIGINT, with a final commit. @default false */
  readonly stopOnSignals?: boolean
  /** @default warnings and errors as JSON lines on standard error */
  readonly logger?: Logger
  /** For tests. @default the system's clock */
  readonly clock?: Clock
  /** Hears what happens to the workers of this process. */
  readonly onEvent?: (event: WorkerEvent) => void
}

const MAX_KEY_GROUPS = 32_768

const names: Readonly<Record<keyof RunOptions, true>> = {
  log: true,
  state: true,
  parallelism: true,
  maxParallelism: true,
  slots: true,
  group: true,
  guarantee: true,
  epochInterval: true,
  epochIntervalDuringBacklog: true,
  restart: true,
  allowVolatileState: true,
  transactionTimeout: true,
  maxBufferedInputBytes: true,
  maxBufferedOutputBytes: true,
  stateCache: true,
  memoryBudget: true,
  withoutRules: true,
  spillDirectory: true,
  sessionTimeout: true,
  heartbeatInterval: true,
  rebalanceTimeout: true,
  splitDiscovery: true,
  backPressure: true,
  stopOnSignals: true,
  logger: true,
  clock: true,
  onEvent: true,
}

/** Options that are read from a file are not checked by the types. */
function checkNames(options: RunOptions): void {
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(names, name)) continue
    throw new OptionError(`There is no option ${name}; the options are ${Object.keys(names).join(', ')}.`)
  }
}

/** Checks the options and fills in the defaults. @throws OPTION_INVALID naming option and value */
export function toSettings(job: string, options: RunOptions): JobSettings {
  checkNames(options)
  const clock = options.clock ?? systemClock
  const sessionTimeoutMs = positiveMs('sessionTimeout', options.sessionTimeout ?? '10s')
  const heartbeatIntervalMs = positiveMs('heartbeatInterval', options.heartbeatInterval ?? '1s')
  if (heartbeatIntervalMs * 2 > sessionTimeoutMs) {
    throw new OptionError(
      `heartbeatInterval (${heartbeatIntervalMs} ms) must be at most half of sessionTimeout (${sessionTimeoutMs} ms).`,
    )
  }
  const maxParallelism = count('maxParallelism', options.maxParallelism ?? 128)
  if (maxParallelism > MAX_KEY_GROUPS) {
    throw new OptionError(`maxParallelism is ${maxParallelism}; it can be at most ${MAX_KEY_GROUPS}.`)
  }
  const parallelism = options.parallelism ?? 1
  if (parallelism !== 'partitions' && count('parallelism', parallelism) > maxParallelism) {
    throw new OptionError(`parallelism (${parallelism}) is above maxParallelism (${maxParallelism}).`)
  }
  if (options.guarantee !== undefined && !['exactly-once', 'at-least-once'].includes(options.guarantee)) {
    throw new OptionError(`guarantee is '${options.guarantee}'; it can be 'exactly-once' or 'at-least-once'.`)
  }
  const epochIntervalMs = positiveMs('epochInterval', options.epochInterval ?? '1s')
  const transactionTimeoutMs = positiveMs('transactionTimeout', options.transactionTimeout ?? '60s')
  checkTransactionTimeout(options, transactionTimeoutMs, 'epochInterval', epochIntervalMs)
  const backlogEpochIntervalMs =
    options.epochIntervalDuringBacklog === undefined
      ? null
      : positiveMs('epochIntervalDuringBacklog', options.epochIntervalDuringBacklog)
  if (backlogEpochIntervalMs !== null && backlogEpochIntervalMs < epochIntervalMs) {
    throw new OptionError(
      `epochIntervalDuringBacklog (${backlogEpochIntervalMs} ms) must be at least epochInterval (${epochIntervalMs} ms).`,
    )
  }
  checkTransactionTimeout(options, transactionTimeoutMs, 'epochIntervalDuringBacklog', backlogEpochIntervalMs ?? 0)
  if (options.group === '') throw new OptionError('group is empty; leave it out to use the name of the job.')
  return {
    log: options.log ?? memoryLog({ clock }),
    state: options.state ?? memoryState(),
    parallelism,
    maxParallelism,
    slots: count('slots', options.slots ?? 1),
    group: options.group ?? job,
    guarantee: options.guarantee ?? 'exactly-once',
    epochIntervalMs,
    backlogEpochIntervalMs,
    restart: options.restart ?? null,
    allowVolatileState: options.allowVolatileState ?? false,
    transactionTimeoutMs,
    maxBufferedInputBytes: count('maxBufferedInputBytes', options.maxBufferedInputBytes ?? 16 * 1024 * 1024),
    maxBufferedOutputBytes: count('maxBufferedOutputBytes', options.maxBufferedOutputBytes ?? 32 * 1024 * 1024),
    stateCacheKeys: options.stateCache === undefined ? null : count('stateCache.maxKeys', options.stateCache.maxKeys),
    memory: {
      budgetBytes: count('memoryBudget', options.memoryBudget ?? 256 * 1024 * 1024),
      directory: options.spillDirectory ?? tmpdir(),
    },
    withoutRules: checkedRules(options.withoutRules ?? []),
    sessionTimeoutMs,
    heartbeatIntervalMs,
    rebalanceTimeoutMs: positiveMs('rebalanceTimeout', options.rebalanceTimeout ?? '30s'),
    splitDiscoveryMs: positiveMs('splitDiscovery', options.splitDiscovery ?? '5m'),
    backPressure: {
      samples: count('backPressure.samples', options.backPressure?.samples ?? defaultBackPressure.samples),
      delayMs: positiveMs('backPressure.delay', options.backPressure?.delay ?? defaultBackPressure.delayMs),
      refreshIntervalMs: positiveMs(
        'backPressure.refreshInterval',
        options.backPressure?.refreshInterval ?? defaultBackPressure.refreshIntervalMs,
      ),
    },
    logger: options.logger ?? stderrLogger,
    clock,
    onEvent: options.onEvent ?? (() => {}),
  }
}

/** @throws OPTION_INVALID for a rule that there is not */
export function checkedRules(rules: readonly RuleName[]): readonly RuleName[] {
  const unknown = rules.find((rule) => !RULES.includes(rule))
  if (unknown === undefined) return rules
  throw new OptionError(`withoutRules names '${unknown}'; the rules are ${RULES.join(', ')}.`)
}

function count(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new OptionError(`${name} is ${value}; it must be a whole number of at least 1.`)
}

function positiveMs(name: string, value: Duration): number {
  let ms: number
  try {
    ms = durationMs(value)
  } catch (cause) {
    throw new OptionError(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
  if (ms > 0) return ms
  throw new OptionError(`${name} is ${value}; it must be above 0.`)
}

function checkTransactionTimeout({ guarantee }: RunOptions, timeoutMs: number, name: string, intervalMs: number): void {
  if (guarantee === 'at-least-once' || timeoutMs > intervalMs) return
  throw new OptionError(
    `transactionTimeout (${timeoutMs} ms) must be above ${name} (${intervalMs} ms): a transaction is open for that long.`,
  )
}
