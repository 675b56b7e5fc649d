import type { DataStream } from '@millrace/core'
import type { TSchema } from 'typebox'
import type { EventOf, EventWith, Fields } from '../events.ts'

export type Row = Readonly<Record<string, unknown>>

/** A query of the benchmark, from the events to the rows of the output topic. */
export interface Query<F extends Fields, Out extends object> {
  /** What it uses of the events. */
  readonly fields: F
  /** Of the rows, for the output topic. */
  readonly row: TSchema
  /** Where a row replaces the former row of its key. Without it every row counts. */
  key?(row: Out): string
  build(events: DataStream<EventOf<F>>): DataStream<Out>
}

/** Any of them, when it does not matter which. */
export type AnyQuery = Query<Fields, Row>

/** Lets the fields decide the type of the events. */
export function query<const F extends Fields, Out extends object>(definition: Query<F, Out>): Query<F, Out> {
  return definition
}

/** An event of one kind. */
type Kind<E, K> = Extract<E, { readonly event_type: K }>

export function isAuction<E extends EventWith<unknown, unknown, unknown>>(event: E): event is Kind<E, 1> {
  return event.event_type === 1
}

export function isBid<E extends EventWith<unknown, unknown, unknown>>(event: E): event is Kind<E, 2> {
  return event.event_type === 2
}

export function personsOf<P, A, B>(events: DataStream<EventWith<P, A, B>>): DataStream<P> {
  return events.filter((event) => event.event_type === 0).map((event) => event.person)
}

export function auctionsOf<P, A, B>(events: DataStream<EventWith<P, A, B>>): DataStream<A> {
  return events.filter(isAuction).map((event) => event.auction)
}

export function bidsOf<P, A, B>(events: DataStream<EventWith<P, A, B>>): DataStream<B> {
  return events.filter(isBid).map((event) => event.bid)
}
