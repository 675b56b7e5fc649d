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

export type NexmarkEvent =
  | { readonly event_type: 0; readonly person: Person }
  | { readonly event_type: 1; readonly auction: Auction }
  | { readonly event_type: 2; readonly bid: Bid }

export function eventTime(event: NexmarkEvent): number {
  if (event.event_type === 2) return event.bid.dateTime
  return event.event_type === 1 ? event.auction.dateTime : event.person.dateTime
}
