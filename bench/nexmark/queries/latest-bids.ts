import { type Collector, valueState } from '@millrace/core'
import { Type } from 'typebox'
import { type Bid, schemas } from '../events.ts'
import { isBid, query } from './query.ts'

/** Above every id of an auction. */
const AUCTIONS = 2 ** 26

/** The latest bid of each person on each auction; a later one replaces the one before. */
export const q18 = query({
  fields: { bid: ['auction', 'bidder', 'price', 'channel', 'url', 'dateTime', 'extra'] },
  row: Type.Object(schemas.bid),
  build: (events) =>
    events
      .filter(isBid)
      .keyBy(({ bid }) => bid.bidder * AUCTIONS + bid.auction)
      .process({
        // The bid itself is in the output: whether another one is later takes its time only.
        state: { latest: valueState({ initial: Number.NEGATIVE_INFINITY }) },
        onRecord({ bid }, { state }, out: Collector<Bid>) {
          if (bid.dateTime < state.latest.get()) return
          state.latest.set(bid.dateTime)
          out.emit(bid)
        },
      }),
  key: ({ bidder, auction }) => `${bidder}/${auction}`,
})
