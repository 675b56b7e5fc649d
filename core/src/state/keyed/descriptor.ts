import { msgpack } from '../../serde/msgpack.ts'
import type { Serde } from '../../serde/serde.ts'
import type { AggregatingState, ListState, MapState, ReducingState, ValueState } from './handles.ts'
import type { StateTtl } from './ttl.ts'

/** Folds values into an accumulator and reads a result from it. The accumulator must be something its serde can store. */
export interface Aggregate<In, Accumulator, Out> {
  readonly create: () => Accumulator
  /** Adds one value; may change the accumulator in place, and gives the one to keep. */
  readonly add: (accumulator: Accumulator, value: In) => Accumulator
  readonly result: (accumulator: Accumulator) => Out
  /** Joins two accumulators; needed where windows merge (sessions). */
  readonly merge?: (left: Accumulator, right: Accumulator) => Accumulator
  /** @default msgpack() */
  readonly serde?: Serde<Accumulator>
}

interface Declared<Kind extends string, Handle> {
  readonly kind: Kind
  /** Only for type inference; never set. */
  readonly '~handle'?: Handle
  /** How long the state is kept after its last use; for ever when not set. */
  readonly ttl?: StateTtl
}

interface TtlOption {
  /** @default kept until it is cleared */
  readonly ttl?: StateTtl
}

function withTtl({ ttl }: TtlOption): TtlOption {
  return ttl === undefined ? {} : { ttl }
}

export interface ValueDescriptor<T, Read = T | undefined> extends Declared<'value', ValueState<T, Read>> {
  readonly serde: Serde<T>
  readonly initial: T | undefined
}
export interface ListDescriptor<T> extends Declared<'list', ListState<T>> {
  readonly serde: Serde<T>
}
export interface MapDescriptor<K, V> extends Declared<'map', MapState<K, V>> {
  readonly serde: Serde<V>
}
export interface ReducingDescriptor<T> extends Declared<'reducing', ReducingState<T>> {
  readonly serde: Serde<T>
  readonly reduce: (left: T, right: T) => T
}
export interface AggregatingDescriptor<In, Accumulator, Out>
  extends Declared<'aggregating', AggregatingState<In, Out>> {
  readonly serde: Serde<Accumulator>
  readonly aggregate: Aggregate<In, Accumulator, Out>
}

/** A declaration of keyed state; its name is the property under which it is declared. */
export type StateDescriptor =
  | ValueDescriptor<never, unknown>
  | ListDescriptor<never>
  | MapDescriptor<never, never>
  | ReducingDescriptor<never>
  | AggregatingDescriptor<never, never, unknown>

/** The declarations of a function without state. */
export type NoState = Record<never, never>

export type StateDescriptors = Readonly<Record<string, Declared<string, unknown>>>

/** The handles that an operator gets for its declarations. */
export type StateHandles<Descriptors extends StateDescriptors> = {
  readonly [Name in keyof Descriptors]: Descriptors[Name] extends Declared<string, infer Handle> ? Handle : never
}

/**
 * One value for each key.
 *
 * @example
 * state: { count: valueState({ initial: 0 }), last: valueState<Payment>() }
 */
export function valueState<T>(
  options: { readonly initial: T; readonly serde?: Serde<T> } & TtlOption,
): ValueDescriptor<T, T>
export function valueState<T>(options?: { readonly serde?: Serde<T> } & TtlOption): ValueDescriptor<T>
export function valueState<T>(
  options: { readonly initial?: T; readonly serde?: Serde<T> } & TtlOption = {},
): ValueDescriptor<T, T> {
  return { kind: 'value', serde: options.serde ?? msgpack<T>(), initial: options.initial, ...withTtl(options) }
}

/** A list for each key; adding to it writes the new element only. */
export function listState<T>(options: { readonly serde?: Serde<T> } & TtlOption = {}): ListDescriptor<T> {
  return { kind: 'list', serde: options.serde ?? msgpack<T>(), ...withTtl(options) }
}

/** A map for each key; changing an entry writes that entry only. Map keys are what keys of streams can be. */
export function mapState<K, V>(options: { readonly serde?: Serde<V> } & TtlOption = {}): MapDescriptor<K, V> {
  return { kind: 'map', serde: options.serde ?? msgpack<V>(), ...withTtl(options) }
}

/** One value for each key, into which added values are folded. */
export function reducingState<T>(
  reduce: (left: T, right: T) => T,
  options: { readonly serde?: Serde<T> } & TtlOption = {},
): ReducingDescriptor<T> {
  return { kind: 'reducing', serde: options.serde ?? msgpack<T>(), reduce, ...withTtl(options) }
}

/** As `reducingState`, with an accumulator of another type than what is added and read. */
export function aggregatingState<In, Accumulator, Out>(
  aggregate: Aggregate<In, Accumulator, Out>,
  options: TtlOption = {},
): AggregatingDescriptor<In, Accumulator, Out> {
  return { kind: 'aggregating', serde: aggregate.serde ?? msgpack<Accumulator>(), aggregate, ...withTtl(options) }
}
