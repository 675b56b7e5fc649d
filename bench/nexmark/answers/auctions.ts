import type { Auction, Bid, Person } from '../events.ts'
import type { Answer } from './answer.ts'
import { bids } from './stateless.ts'

export const q3: Answer = {
  columns: { name: 'text', city: 'text', state: 'text', id: 'integer' },
  *rows(events) {
    const persons = new Map<number, Person>()
    for (const event of events) if (event.event_type === 0) persons.set(event.person.id, event.person)
    for (const event of events) {
      if (event.event_type !== 1 || event.auction.category !== 10) continue
      const seller = persons.get(event.auction.seller)
      if (seller === undefined || !['OR', 'ID', 'CA'].includes(seller.state)) continue
      yield [{ name: seller.name, city: seller.city, state: seller.state, id: event.auction.id }]
    }
  },
}

export const q4: Answer = {
  columns: { id: 'integer', final: 'integer' },
  *rows(events) {
    const auctions = new Map<number, Pick<Auction, 'dateTime' | 'expires' | 'category'> & { price: number }>()
    for (const event of events) {
      if (event.event_type !== 1) continue
      const { id, dateTime, expires, category } = event.auction
      auctions.set(id, { dateTime, expires, category, price: -1 })
    }
    for (const { auction, price, dateTime } of bids(events)) {
      const found = auctions.get(auction)
      if (found === undefined || dateTime < found.dateTime || dateTime > found.expires) continue
      found.price = Math.max(found.price, price)
    }
    const prices = Map.groupBy(
      [...auctions.values()].filter(({ price }) => price >= 0),
      ({ category }) => category,
    )
    for (const [id, list] of prices) {
      const sum = list.reduce((total, { price }) => total + price, 0)
      yield [{ id, final: Math.floor(sum / list.length) }]
    }
  },
}

const wholeBid = {
  auction: 'integer',
  bidder: 'integer',
  price: 'integer',
  channel: 'text',
  url: 'text',
} as const

export const q18: Answer = {
  columns: { ...wholeBid, dateTime: 'time', extra: 'text' },
  *rows(events) {
    // Of the bids of a pair that were made at the same time any may be the last.
    const latest = new Map<string, Bid[]>()
    for (const bid of bids(events)) {
      const pair = `${bid.bidder}/${bid.auction}`
      const held = latest.get(pair)
      if (held === undefined || bid.dateTime > (held[0] as Bid).dateTime) latest.set(pair, [bid])
      else if (bid.dateTime === (held[0] as Bid).dateTime) held.push(bid)
    }
    for (const list of latest.values()) yield list.map((bid) => ({ ...bid }))
  },
}

export const q20: Answer = {
  columns: {
    ...wholeBid,
    bid_dateTime: 'time',
    bid_extra: 'text',
    itemName: 'text',
    description: 'text',
    initialBid: 'integer',
    reserve: 'integer',
    auction_dateTime: 'time',
    expires: 'time',
    seller: 'integer',
    category: 'integer',
    auction_extra: 'text',
  },
  *rows(events) {
    const auctions = new Map<number, Auction>()
    for (const event of events) {
      if (event.event_type === 1 && event.auction.category === 10) auctions.set(event.auction.id, event.auction)
    }
    for (const { dateTime: bid_dateTime, extra: bid_extra, ...bid } of bids(events)) {
      const auction = auctions.get(bid.auction)
      if (auction === undefined) continue
      const { id, dateTime: auction_dateTime, extra: auction_extra, ...item } = auction
      yield [{ ...bid, bid_dateTime, bid_extra, ...item, auction_dateTime, auction_extra }]
    }
  },
}
