import { json, type Serde } from '@millrace/core'
import { type TSchema, Type } from 'typebox'

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

const whole = Type.Integer()
const text = Type.String()

/** Types of the fields, by the kind of event. */
export const schemas = {
  person: {
    id: whole,
    name: text,
    emailAddress: text,
    creditCard: text,
    city: text,
    state: text,
    dateTime: whole,
    extra: text,
  },
  auction: {
    id: whole,
    itemName: text,
    description: text,
    initialBid: whole,
    reserve: whole,
    dateTime: whole,
    expires: whole,
    seller: whole,
    category: whole,
    extra: text,
  },
  bid: { auction: whole, bidder: whole, price: whole, channel: text, url: text, dateTime: whole, extra: text },
} as const satisfies Record<keyof Fields, Readonly<Record<string, TSchema>>>

function schemaOf(kind: keyof Fields, fields: readonly string[] = []): TSchema {
  const kept = Object.entries(schemas[kind]).filter(([name]) => name === 'dateTime' || fields.includes(name))
  return Type.Optional(Type.Object(Object.fromEntries(kept)))
}

/** How a query reads its events from the topic: the fields that it uses are decoded, the others passed over. */
export function eventSerde<F extends Fields>({ person, auction, bid }: F): Serde<EventOf<F>> {
  const event = Type.Object({
    event_type: whole,
    person: schemaOf('person', person),
    auction: schemaOf('auction', auction),
    bid: schemaOf('bid', bid),
  })
  // That the kind of an event says which of the three it has is beyond the schema.
  return json(event) as unknown as Serde<EventOf<F>>
}

interface Timed {
  readonly dateTime: number
}

export function eventTime(event: EventWith<Timed, Timed, Timed>): number {
  if (event.event_type === 2) return event.bid.dateTime
  return event.event_type === 1 ? event.auction.dateTime : event.person.dateTime
}
