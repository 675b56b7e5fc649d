import { OptionError } from '../../errors.ts'
import { msgpack } from '../../serde/msgpack.ts'
import { number } from '../../serde/primitives.ts'
import type { Serde } from '../../serde/serde.ts'
import {
  type NoState,
  type ReducingDescriptor,
  reducingState,
  type StateDescriptors,
  type ValueDescriptor,
  valueState,
} from '../../state/keyed/descriptor.ts'
import { type Duration, durationMs } from '../../time/duration.ts'
import type { TimerFired } from '../process-function.ts'
import type { Trigger, TriggerContext, TriggerDecision } from './trigger.ts'

/** An event time that only the end of the input reaches. */
const END_OF_TIME = Number.MAX_VALUE

/** Hides the type of a trigger's state: only the trigger itself reads it. */
function built<T, State extends StateDescriptors>(trigger: Trigger<T, State>): Trigger<T> {
  return trigger as unknown as Trigger<T>
}

function eventTime(): Trigger<unknown> {
  const arm = ({ window, timers }: TriggerContext): void => timers.atEventTime(window.end - 1)
  return built<unknown, NoState>({
    name: 'event time',
    domain: 'event',
    needsEnd: true,
    onRecord(_value, _timestamp, context) {
      if (context.window.end - 1 <= context.watermark) return 'fire'
      arm(context)
      return 'continue'
    },
    onTimer: ({ timeMs }, { window }) => (timeMs === window.end - 1 ? 'fire' : 'continue'),
    onMerge(context) {
      if (context.window.end - 1 > context.watermark) arm(context)
    },
  })
}

function processingTime(): Trigger<unknown> {
  const arm = ({ window, timers }: TriggerContext): void => timers.atProcessingTime(window.end)
  return built<unknown, NoState>({
    name: 'processing time',
    domain: 'processing',
    needsEnd: true,
    onRecord(_value, _timestamp, context) {
      arm(context)
      return 'continue'
    },
    onTimer: ({ timeMs }, { window }) => (timeMs === window.end ? 'fire' : 'continue'),
    onMerge: arm,
  })
}

function count(records: number): Trigger<unknown> {
  if (!Number.isSafeInteger(records) || records < 1) {
    throw new OptionError(`triggers.count was given ${records}; it needs a whole number of at least 1.`)
  }
  return built<unknown, { count: ReducingDescriptor<number> }>({
    name: `count ${records}`,
    state: { count: reducingState((a, b) => a + b, { serde: number() }) },
    onRecord(_value, _timestamp, { state }) {
      state.count.add(1)
      if ((state.count.get() as number) < records) return 'continue'
      state.count.clear()
      return 'fire'
    },
    // What has come together is judged with the record that brought it together.
    onMerge() {},
  })
}

interface NextFiring {
  readonly [name: string]: ReducingDescriptor<number>
  readonly next: ReducingDescriptor<number>
}

const earliest = { next: reducingState((a: number, b: number) => Math.min(a, b), { serde: number() }) }

function continuousEventTime(interval: Duration): Trigger<unknown> {
  const intervalMs = positive('triggers.continuousEventTime', interval)
  const arm = (context: TriggerContext<NextFiring>, afterMs: number): void => {
    const next = Math.floor(afterMs / intervalMs) * intervalMs + intervalMs
    context.state.next.clear()
    if (next >= context.window.end) return
    context.state.next.add(next)
    context.timers.atEventTime(next)
  }
  return built<unknown, NextFiring>({
    name: `every ${intervalMs} ms of event time`,
    domain: 'event',
    state: earliest,
    onRecord(_value, timestamp, context) {
      if (context.window.end - 1 <= context.watermark) return 'fire'
      if (context.window.end < Number.POSITIVE_INFINITY) context.timers.atEventTime(context.window.end - 1)
      if (context.state.next.get() === undefined) arm(context, Math.max(timestamp, context.watermark))
      return 'continue'
    },
    onTimer({ timeMs }, context) {
      if (timeMs === context.window.end - 1) return 'fire'
      if (timeMs !== context.state.next.get()) return 'continue'
      arm(context, timeMs)
      return 'fire'
    },
    onMerge(context) {
      const { window, watermark, state, timers } = context
      if (window.end - 1 > watermark) timers.atEventTime(window.end - 1)
      const next = state.next.get()
      if (next !== undefined) timers.atEventTime(next)
    },
  })
}

function continuousProcessingTime(interval: Duration): Trigger<unknown> {
  const intervalMs = positive('triggers.continuousProcessingTime', interval)
  const arm = (context: TriggerContext<NextFiring>, afterMs: number): void => {
    const next = Math.floor(afterMs / intervalMs) * intervalMs + intervalMs
    context.state.next.clear()
    context.state.next.add(next)
    context.timers.atProcessingTime(next)
  }
  return built<unknown, NextFiring>({
    name: `every ${intervalMs} ms of processing time`,
    state: earliest,
    onRecord(_value, _timestamp, context) {
      if (context.state.next.get() === undefined) arm(context, context.now())
      return 'continue'
    },
    // Armed anew by the next record: a window that nothing comes to has nothing new to show.
    onTimer({ timeMs }, context) {
      if (timeMs !== context.state.next.get()) return 'continue'
      context.state.next.clear()
      return 'fire'
    },
    onMerge({ state, timers }) {
      const next = state.next.get()
      if (next !== undefined) timers.atProcessingTime(next)
    },
  })
}

function delta<T>(
  threshold: number,
  distance: (from: T, current: T) => number,
  options: { readonly serde?: Serde<T> } = {},
): Trigger<T> {
  if (!(threshold >= 0))
    throw new OptionError(`triggers.delta was given the threshold ${threshold}; it needs a number of 0 or more.`)
  return built<T, { from: ValueDescriptor<T> }>({
    name: `delta above ${threshold}`,
    state: { from: valueState<T>({ serde: options.serde ?? msgpack<T>() }) },
    onRecord(value, _timestamp, { state }) {
      const from = state.from.get()
      if (from === undefined) {
        state.from.set(value)
        return 'continue'
      }
      if (!(distance(from, value) > threshold)) return 'continue'
      state.from.set(value)
      return 'fire'
    },
  })
}

function endOfStream(): Trigger<unknown> {
  const arm = ({ timers }: TriggerContext): void => timers.atEventTime(END_OF_TIME)
  return built<unknown, NoState>({
    name: 'end of stream',
    onRecord(_value, _timestamp, context) {
      arm(context)
      return 'continue'
    },
    onTimer: ({ timeMs }) => (timeMs === END_OF_TIME ? 'fire' : 'continue'),
    onMerge: arm,
  })
}

function never(): Trigger<unknown> {
  return built<unknown, NoState>({ name: 'never', onRecord: () => 'continue', onMerge() {} })
}

function purging<T>(inner: Trigger<T>): Trigger<T> {
  const decide = (decision: TriggerDecision): TriggerDecision => (decision === 'fire' ? 'fire-and-purge' : decision)
  const { onTimer, onMerge } = inner
  return {
    ...inner,
    name: `purging ${inner.name}`,
    onRecord: (value, timestamp, context) => decide(inner.onRecord(value, timestamp, context)),
    ...(onTimer && { onTimer: (timer, context) => decide(onTimer.call(inner, timer, context)) }),
    ...(onMerge && { onMerge: (context) => onMerge.call(inner, context) }),
  }
}

/** A trigger within another one: its states stand among those of the outer one, with a prefix. */
class InnerTrigger<T> {
  readonly state: StateDescriptors
  readonly #trigger: Trigger<T>
  readonly #prefix: string
  readonly #contexts = new WeakMap<object, TriggerContext>()

  constructor(trigger: Trigger<T>, prefix: string) {
    this.#trigger = trigger
    this.#prefix = prefix
    this.state = Object.fromEntries(
      Object.entries(trigger.state ?? {}).map(([name, descriptor]) => [prefix + name, descriptor]),
    )
  }

  get merges(): boolean {
    return this.#trigger.onMerge !== undefined
  }

  onRecord(value: T, timestamp: number, context: TriggerContext<StateDescriptors>): TriggerDecision {
    return this.#trigger.onRecord(value, timestamp, this.#own(context))
  }

  onTimer(timer: TimerFired, context: TriggerContext<StateDescriptors>): TriggerDecision {
    return this.#trigger.onTimer?.(timer, this.#own(context)) ?? 'continue'
  }

  onMerge(context: TriggerContext<StateDescriptors>): void {
    this.#trigger.onMerge?.(this.#own(context))
  }

  /** The operator has one context for all windows, so there is one view of it. */
  #own(context: TriggerContext<StateDescriptors>): TriggerContext {
    const known = this.#contexts.get(context)
    if (known !== undefined) return known
    const names = Object.keys(this.#trigger.state ?? {})
    const state = Object.fromEntries(names.map((name) => [name, context.state[this.#prefix + name]]))
    const own: TriggerContext = Object.create(context, { state: { value: state } })
    this.#contexts.set(context, own)
    return own
  }
}

interface Deadline {
  readonly [name: string]: ReducingDescriptor<number>
  readonly deadline: ReducingDescriptor<number>
}

function timeout<T>(
  inner: Trigger<T>,
  after: Duration,
  { restart = true, purge = true }: TimeoutOptions = {},
): Trigger<T> {
  const afterMs = positive('triggers.timeout', after)
  const nested = new InnerTrigger(inner, 'inner_')
  const own = { deadline: reducingState((a: number, b: number) => Math.max(a, b), { serde: number() }) }
  return {
    name: `${inner.name} or ${afterMs} ms of silence`,
    ...(inner.domain && { domain: inner.domain }),
    ...(inner.needsEnd && { needsEnd: true }),
    state: { ...own, ...nested.state },
    onRecord(value, timestamp, context) {
      const { state, timers } = context as unknown as TriggerContext<Deadline>
      const before = state.deadline.get()
      if (restart || before === undefined) {
        if (before !== undefined) timers.deleteProcessingTime(before)
        state.deadline.clear()
        const deadline = context.now() + afterMs
        state.deadline.add(deadline)
        timers.atProcessingTime(deadline)
      }
      return nested.onRecord(value, timestamp, context)
    },
    onTimer(timer, context) {
      const { state } = context as unknown as TriggerContext<Deadline>
      if (timer.domain !== 'processing' || timer.timeMs !== state.deadline.get()) return nested.onTimer(timer, context)
      state.deadline.clear()
      return purge ? 'fire-and-purge' : 'fire'
    },
    ...(nested.merges && {
      onMerge(context: TriggerContext<StateDescriptors>) {
        const { state, timers } = context as unknown as TriggerContext<Deadline>
        const deadline = state.deadline.get()
        if (deadline !== undefined) timers.atProcessingTime(deadline)
        nested.onMerge(context)
      },
    }),
  }
}

function endOfWindow<T = unknown>({ early, late }: EndOfWindowOptions<T> = {}): Trigger<T> {
  const inner = early === undefined ? null : new InnerTrigger(early, 'early_')
  const behind = late === undefined ? null : new InnerTrigger(late, 'late_')
  const merges = (inner?.merges ?? true) && (behind?.merges ?? true)
  const isPast = ({ window, watermark }: TriggerContext<StateDescriptors>): boolean => window.end - 1 <= watermark
  return {
    name: `end of window${early ? `, early: ${early.name}` : ''}${late ? `, late: ${late.name}` : ''}`,
    domain: 'event',
    needsEnd: true,
    ...(behind && { needsLateness: true }),
    state: { ...inner?.state, ...behind?.state },
    onRecord(value, timestamp, context) {
      if (isPast(context)) return behind === null ? 'fire' : behind.onRecord(value, timestamp, context)
      context.timers.atEventTime(context.window.end - 1)
      return inner?.onRecord(value, timestamp, context) ?? 'continue'
    },
    onTimer(timer, context) {
      if (timer.domain === 'event' && timer.timeMs === context.window.end - 1) return 'fire'
      return (isPast(context) ? behind : inner)?.onTimer(timer, context) ?? 'continue'
    },
    ...(merges && {
      onMerge(context: TriggerContext<StateDescriptors>) {
        if (!isPast(context)) context.timers.atEventTime(context.window.end - 1)
        inner?.onMerge(context)
        behind?.onMerge(context)
      },
    }),
  }
}

export interface TimeoutOptions {
  /** Counts from the last record; else from the first one. @default true */
  readonly restart?: boolean
  /** Forgets what the window holds when the time-out fires it. @default true */
  readonly purge?: boolean
}

export interface EndOfWindowOptions<T> {
  /** Fires before the watermark has passed the window; by default nothing does. */
  readonly early?: Trigger<T>
  /** Fires for records within the allowed lateness; by default each of them does. */
  readonly late?: Trigger<T>
}

/** Ready-made triggers. Without `purging` a window keeps what it holds when it fires, so a later firing has all of it. */
export const triggers: {
  /** When the watermark has passed the window, and for each record after that. What windows of event time do by default. */
  eventTime(): Trigger<unknown>
  /** When the clock has reached the window's end. What windows of processing time do by default. */
  processingTime(): Trigger<unknown>
  /** With every `records` records of the window. */
  count(records: number): Trigger<unknown>
  /** At multiples of an interval of event time while the window is open, and at its end. */
  continuousEventTime(interval: Duration): Trigger<unknown>
  /** At multiples of an interval by the clock, where records have come since the last firing. */
  continuousProcessingTime(interval: Duration): Trigger<unknown>
  /** With a record whose distance from the one of the last firing (at first: from the first one) is above the threshold. */
  delta<T>(
    threshold: number,
    distance: (from: T, current: T) => number,
    options?: { readonly serde?: Serde<T> },
  ): Trigger<T>
  /** Once, at the end of the input. */
  endOfStream(): Trigger<unknown>
  /** Not at all; for windows that something else looks into. */
  never(): Trigger<unknown>
  /** As the inner one, but the window forgets what it holds whenever it fires. */
  purging<T>(inner: Trigger<T>): Trigger<T>
  /** As the inner one, and when no record has come for a while by the clock. */
  timeout<T>(inner: Trigger<T>, after: Duration, options?: TimeoutOptions): Trigger<T>
  /**
   * When the watermark has passed the window, with early results before and late ones after it.
   *
   * @example
   * .window(tumbling('1h')).allowedLateness('1d')
   * .trigger(triggers.endOfWindow({ early: triggers.continuousProcessingTime('10s'), late: triggers.count(1) }))
   */
  endOfWindow<T = unknown>(options?: EndOfWindowOptions<T>): Trigger<T>
} = {
  eventTime,
  processingTime,
  count,
  continuousEventTime,
  continuousProcessingTime,
  delta,
  endOfStream,
  never,
  purging,
  timeout,
  endOfWindow,
}

function positive(name: string, duration: Duration): number {
  const ms = durationMs(duration)
  if (ms > 0) return ms
  throw new OptionError(`${name} was given ${JSON.stringify(duration)}; it must be above 0.`)
}
