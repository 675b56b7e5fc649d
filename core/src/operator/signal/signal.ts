import { OptionError } from '../../errors.ts'

export type SignalValue = number | boolean

/** How what several channels say of a signal comes to one value. */
export type SignalCombination = 'min' | 'max' | 'and' | 'or'

/** A signal that flows with the data: declared once, named by those who emit it and those who hear it. */
export interface Signal<V extends SignalValue = SignalValue> {
  /** Unique within the job. */
  readonly name: string
  readonly kind: 'number' | 'boolean'
  readonly combine: SignalCombination
  /** Whether there is a value only when every channel that goes on has said something. */
  readonly waitForAll: boolean
  /** Whether it goes on behind a function that hears it. */
  readonly forward: boolean
  /** Only for type inference; never set. */
  readonly '~value'?: V
}

export interface SignalOptions<Combination extends SignalCombination> {
  readonly combine: Combination
  /**
   * Behind several channels (partitions, tasks, streams that are joined): nothing is told before each has said something that has not
   * ended and is not idle. Without it, those count that have. @default true for `min` and `and`, false for `max` and `or`
   */
  readonly waitForAll?: boolean
  /** Whether it goes on behind functions that hear it. Without it they are its end, and emit what is to follow. @default true */
  readonly forward?: boolean
}

/**
 * A signal with numbers: how far something has come, which version is in force.
 *
 * @example
 * const progress = numberSignal('progress', { combine: 'min' })
 * lines.process({ emits: [progress], onRecord(line, { emitSignal }, out: Collector<string>) { out.emit(line.text); emitSignal(progress, line.number) } })
 *
 * @throws OPTION_INVALID for a name or an option that cannot be
 */
export function numberSignal(name: string, options: SignalOptions<'min' | 'max'>): Signal<number> {
  return declare(name, 'number', options, ['min', 'max'])
}

/**
 * A signal that is on or off.
 *
 * @example
 * const loaded = booleanSignal('loaded', { combine: 'and' })
 *
 * @throws OPTION_INVALID for a name or an option that cannot be
 */
export function booleanSignal(name: string, options: SignalOptions<'and' | 'or'>): Signal<boolean> {
  return declare(name, 'boolean', options, ['and', 'or'])
}

/**
 * On while a source in front is behind: it reads a history, or far more than it can soon have read. Sources say so with their option
 * `backlog`, or emit it themselves. It is on where any channel says so.
 */
export const backlog: Signal<boolean> = {
  name: 'backlog',
  kind: 'boolean',
  combine: 'or',
  waitForAll: false,
  forward: true,
}

const NAME = /^[A-Za-z][\w.-]{0,99}$/

function declare(
  name: string,
  kind: Signal['kind'],
  { combine, waitForAll, forward = true }: SignalOptions<SignalCombination>,
  combinations: readonly SignalCombination[],
): Signal<never> {
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new OptionError(
      `${JSON.stringify(name)} cannot be the name of a signal: it takes a letter, then up to 99 letters, digits, '.', '_' and '-'.`,
    )
  }
  if (!combinations.includes(combine)) {
    throw new OptionError(
      `Signal '${name}' is a ${kind} and is combined by '${combine}'; it can be ${combinations.map((own) => `'${own}'`).join(' or ')}.`,
    )
  }
  return { name, kind, combine, waitForAll: waitForAll ?? (combine === 'min' || combine === 'and'), forward }
}

/** Whether two declarations of one name mean the same. */
export function isSameSignal(one: Signal, other: Signal): boolean {
  return describeSignal(one) === describeSignal(other)
}

export function describeSignal({ name, kind, combine, waitForAll, forward }: Signal): string {
  return `${kind} '${name}' (combine: '${combine}', waitForAll: ${waitForAll}, forward: ${forward})`
}

/** A signal that has come to a function or a sink. */
export class ReceivedSignal<V extends SignalValue = SignalValue> {
  readonly name: string
  /** Over all channels. */
  readonly value: V

  constructor(name: string, value: V) {
    this.name = name
    this.value = value
  }

  /** Which one it is; `value` then has its type. */
  is<Other extends SignalValue>(signal: Signal<Other>): this is ReceivedSignal<Other> {
    return this.name === signal.name
  }
}
