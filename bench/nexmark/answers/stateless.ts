import type { Bid, NexmarkEvent } from '../events.ts'
import type { Row } from '../queries/index.ts'
import type { Answer } from './answer.ts'

export const bidColumns = {
  auction: 'integer',
  bidder: 'integer',
  price: 'integer',
  dateTime: 'time',
  extra: 'text',
} as const

export function* bids(events: Iterable<NexmarkEvent>): Iterable<Bid> {
  for (const event of events) if (event.event_type === 2) yield event.bid
}

function ofEachBid(rows: (bid: Bid) => readonly Row[]): Answer['rows'] {
  return function* (events) {
    for (const bid of bids(events)) for (const row of rows(bid)) yield [row]
  }
}

export const q0: Answer = { columns: bidColumns, rows: ofEachBid((bid) => [{ ...bid }]) }

export const q1: Answer = {
  columns: { ...bidColumns, price: 'decimal' },
  rows: ofEachBid((bid) => [{ ...bid, price: (bid.price * 908) / 1000 }]),
}

export const q2: Answer = {
  columns: { auction: 'integer', price: 'integer' },
  rows: ofEachBid(({ auction, price }) => (auction % 123 === 0 ? [{ auction, price }] : [])),
}
