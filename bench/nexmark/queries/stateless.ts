import { Type } from 'typebox'
import { schemas } from '../events.ts'
import { bidsOf, query } from './query.ts'

const { auction, bidder, price, dateTime, extra } = schemas.bid

/** Pass through. */
export const q0 = query({
  fields: { bid: ['auction', 'bidder', 'price', 'dateTime', 'extra'] },
  row: Type.Object({ auction, bidder, price, dateTime, extra }),
  build: (events) =>
    bidsOf(events).map((bid) => ({
      auction: bid.auction,
      bidder: bid.bidder,
      price: bid.price,
      dateTime: bid.dateTime,
      extra: bid.extra,
    })),
})

/** Prices in another currency. */
export const q1 = query({
  fields: { bid: ['auction', 'bidder', 'price', 'dateTime', 'extra'] },
  row: Type.Object({ auction, bidder, price: Type.Number(), dateTime, extra }),
  build: (events) =>
    bidsOf(events).map((bid) => ({
      auction: bid.auction,
      bidder: bid.bidder,
      price: 0.908 * bid.price,
      dateTime: bid.dateTime,
      extra: bid.extra,
    })),
})

/** Bids on some auctions. */
export const q2 = query({
  fields: { bid: ['auction', 'price'] },
  row: Type.Object({ auction, price }),
  build: (events) =>
    bidsOf(events)
      .filter((bid) => bid.auction % 123 === 0)
      .map((bid) => ({ auction: bid.auction, price: bid.price })),
})
