import { bidsOf, query } from './query.ts'

/** Pass through. */
export const q0 = query({
  fields: { bid: ['auction', 'bidder', 'price', 'dateTime', 'extra'] },
  build: (events) =>
    bidsOf(events).map(({ auction, bidder, price, dateTime, extra }) => ({ auction, bidder, price, dateTime, extra })),
})

/** Prices in another currency. */
export const q1 = query({
  fields: { bid: ['auction', 'bidder', 'price', 'dateTime', 'extra'] },
  build: (events) =>
    bidsOf(events).map(({ auction, bidder, price, dateTime, extra }) => ({
      auction,
      bidder,
      price: 0.908 * price,
      dateTime,
      extra,
    })),
})

/** Bids on some auctions. */
export const q2 = query({
  fields: { bid: ['auction', 'price'] },
  build: (events) =>
    bidsOf(events)
      .filter((bid) => bid.auction % 123 === 0)
      .map(({ auction, price }) => ({ auction, price })),
})
