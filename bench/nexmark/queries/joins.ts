import { type Collector, listState, valueState } from '@millrace/core'
import { Type } from 'typebox'
import { type Auction, type Bid, schemas } from '../events.ts'
import { auctionsOf, isAuction, isBid, personsOf, query } from './query.ts'

const { person, auction, bid } = schemas
const LOCAL_STATES: ReadonlySet<string> = new Set(['OR', 'ID', 'CA'])
const CATEGORY = 10

/** Who sells something of one category in some states. */
export const q3 = query({
  fields: { person: ['id', 'name', 'city', 'state'], auction: ['id', 'seller', 'category'] },
  row: Type.Object({ name: person.name, city: person.city, state: person.state, id: auction.id }),
  build: (events) => {
    const sellers = personsOf(events).filter(({ state }) => LOCAL_STATES.has(state))
    const auctions = auctionsOf(events).filter(({ category }) => category === CATEGORY)
    return sellers
      .keyBy((person) => person.id)
      .join(
        auctions.keyBy((auction) => auction.seller),
        ({ name, city, state }, { id }) => ({ name, city, state, id }),
      )
  },
})

type WholeAuction = Omit<Auction, 'id'>
type WholeBid = Omit<Bid, 'auction'>
/** An auction of another category is remembered as such, so that its bids need not wait. */
type Known = WholeAuction | 'other'

/**
 * Bids with the auction of one category that they are for, whichever comes first. An auction is opened once: bids wait
 * only until it is known, and none of another category does.
 */
export const q20 = query({
  fields: {
    bid: ['auction', 'bidder', 'price', 'channel', 'url', 'dateTime', 'extra'],
    auction: [
      'id',
      'itemName',
      'description',
      'initialBid',
      'reserve',
      'dateTime',
      'expires',
      'seller',
      'category',
      'extra',
    ],
  },
  row: Type.Object({
    auction: bid.auction,
    bidder: bid.bidder,
    price: bid.price,
    channel: bid.channel,
    url: bid.url,
    bid_dateTime: bid.dateTime,
    bid_extra: bid.extra,
    itemName: auction.itemName,
    description: auction.description,
    initialBid: auction.initialBid,
    reserve: auction.reserve,
    auction_dateTime: auction.dateTime,
    expires: auction.expires,
    seller: auction.seller,
    category: auction.category,
    auction_extra: auction.extra,
  }),
  build: (events) =>
    events
      .filter(isAuction)
      .keyBy(({ auction }) => auction.id)
      .connect(events.filter(isBid).keyBy(({ bid }) => bid.auction))
      .process({
        state: { auction: valueState<Known>(), waiting: listState<WholeBid>() },
        onLeft({ auction: { id, ...auction } }, { state }, out: Collector<BidWithAuction>) {
          const known = auction.category === CATEGORY ? auction : 'other'
          state.auction.set(known)
          if (known !== 'other') for (const bid of state.waiting.get()) out.emit(withAuction(id, bid, known))
          state.waiting.clear()
        },
        onRight({ bid }, { key, state }, out: Collector<BidWithAuction>) {
          const known = state.auction.get()
          if (known === undefined) state.waiting.add(bid)
          else if (known !== 'other') out.emit(withAuction(key, bid, known))
        },
      }),
})

function withAuction(auction: number, bid: WholeBid, item: WholeAuction) {
  return {
    auction,
    bidder: bid.bidder,
    price: bid.price,
    channel: bid.channel,
    url: bid.url,
    bid_dateTime: bid.dateTime,
    bid_extra: bid.extra,
    itemName: item.itemName,
    description: item.description,
    initialBid: item.initialBid,
    reserve: item.reserve,
    auction_dateTime: item.dateTime,
    expires: item.expires,
    seller: item.seller,
    category: item.category,
    auction_extra: item.extra,
  }
}

type BidWithAuction = ReturnType<typeof withAuction>
