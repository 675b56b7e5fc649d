import { json, type Serde } from '@millrace/core'

/*
 * The events of the Nexmark benchmark (an auction house): of every 50, one person joins, three auctions open, 46 bids are
 * made. Model: Tucker et al., NEXMark – A Benchmark for Queries over Data Streams, 2008. Times in ms, prices in cents.
 */

export interface Person {
  readonly id: number
  readonly name: string
  readonly emailAddress: string
  readonly creditCard: string
  readonly city: string
  readonly state: string
  readonly dateTime: number
  readonly extra: string
}

export interface Auction {
  readonly id: number
  readonly itemName: string
  readonly description: string
  readonly initialBid: number
  readonly reserve: number
  readonly dateTime: number
  readonly expires: number
  readonly seller: number
  readonly category: number
  readonly extra: string
}

export interface Bid {
  readonly auction: number
  readonly bidder: number
  readonly price: number
  readonly channel: string
  readonly url: string
  readonly dateTime: number
  readonly extra: string
}

/** An event in its envelope, with as much of person, auction and bid as somebody needs. */
export type EventWith<P, A, B> =
  | { readonly event_type: 0; readonly person: P }
  | { readonly event_type: 1; readonly auction: A }
  | { readonly event_type: 2; readonly bid: B }

export type NexmarkEvent = EventWith<Person, Auction, Bid>

/** The fields that a query uses. The time of every event is always among them. */
export interface Fields {
  readonly person?: readonly (keyof Person)[]
  readonly auction?: readonly (keyof Auction)[]
  readonly bid?: readonly (keyof Bid)[]
}

type Kept<T extends Timed, Names> = Pick<
  T,
  'dateTime' | (Names extends readonly (infer N extends keyof T)[] ? N : never)
>
type NamesOf<F extends Fields, Kind extends keyof Fields> = F extends { readonly [K in Kind]: infer Names }
  ? Names
  : never

/** An event as a query sees it: the fields that it says it uses, and the times. */
export type EventOf<F extends Fields> = EventWith<
  Kept<Person, NamesOf<F, 'person'>>,
  Kept<Auction, NamesOf<F, 'auction'>>,
  Kept<Bid, NamesOf<F, 'bid'>>
>

/** How a query reads its events from the topic: the one place where they are decoded. */
export function eventSerde<F extends Fields>(_fields: F): Serde<EventOf<F>> {
  return json<EventOf<F>>()
}

interface Timed {
  readonly dateTime: number
}

export function eventTime(event: EventWith<Timed, Timed, Timed>): number {
  if (event.event_type === 2) return event.bid.dateTime
  return event.event_type === 1 ? event.auction.dateTime : event.person.dateTime
}
