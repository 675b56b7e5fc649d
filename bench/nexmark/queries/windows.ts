import { sessions, sliding, tumbling } from '@millrace/core'
import { Type } from 'typebox'
import { type Bid, schemas } from '../events.ts'
import { auctionsOf, bidsOf, personsOf, query } from './query.ts'

const { bid, person } = schemas
const count = Type.Integer()
const time = Type.Integer()

interface HotItems {
  readonly num: number
  readonly auctions: number[]
}

/** Hot items: the auctions with the most bids of the last 10 s, every 2 s. */
export const q5 = query({
  fields: { bid: ['auction'] },
  row: Type.Object({ auction: bid.auction, num: count }),
  build: (events) =>
    bidsOf(events)
      .keyBy((bid) => bid.auction)
      .window(sliding('10s', '2s'))
      .aggregate(
        { create: () => 0, add: (n) => n + 1, merge: (a, b) => a + b, result: (n) => n },
        (num, { key, window }) => ({
          auction: key,
          num,
          end: window.end,
        }),
      )
      // The counts of one window have the timestamp of its end: a window of the slide's size holds just them.
      .keyBy((counted) => counted.end)
      .window(tumbling('2s'))
      .aggregate({
        create: (): HotItems => ({ num: 0, auctions: [] }),
        add: (hot, { auction, num }) => {
          if (num > hot.num) return { num, auctions: [auction] }
          if (num === hot.num) hot.auctions.push(auction)
          return hot
        },
        merge: (a, b) => {
          if (a.num !== b.num) return a.num > b.num ? a : b
          return { num: a.num, auctions: [...a.auctions, ...b.auctions] }
        },
        result: (hot) => hot,
      })
      .flatMap(({ num, auctions }) => auctions.map((auction) => ({ auction, num }))),
})

type PricedBid = Pick<Bid, 'auction' | 'bidder' | 'price' | 'dateTime' | 'extra'>

interface Highest {
  price: number
  bids: PricedBid[]
}

/** The highest bid of each 10 s. */
export const q7 = query({
  fields: { bid: ['auction', 'bidder', 'price', 'dateTime', 'extra'] },
  row: Type.Object({
    auction: bid.auction,
    bidder: bid.bidder,
    price: bid.price,
    dateTime: bid.dateTime,
    extra: bid.extra,
  }),
  build: (events) =>
    bidsOf(events)
      .keyBy(() => 'all')
      .window(tumbling('10s'))
      .aggregate<Highest, Highest>({
        create: () => ({ price: -1, bids: [] }),
        add: (highest, bid) => {
          if (bid.price > highest.price) return { price: bid.price, bids: [bid] }
          if (bid.price === highest.price) highest.bids.push(bid)
          return highest
        },
        merge: (a, b) => {
          if (a.price !== b.price) return a.price > b.price ? a : b
          return { price: a.price, bids: [...a.bids, ...b.bids] }
        },
        result: (highest) => highest,
      })
      .flatMap(({ bids }) => bids)
      .map(({ auction, bidder, price, dateTime, extra }) => ({ auction, bidder, price, dateTime, extra })),
})

interface NewSeller {
  readonly name: string | null
  readonly opened: boolean
}

/** Persons who joined and opened an auction within the same 10 s. */
export const q8 = query({
  fields: { person: ['id', 'name'], auction: ['seller'] },
  row: Type.Object({ id: person.id, name: person.name, stime: time }),
  build: (events) => {
    const joined = personsOf(events).map(({ id, name }) => ({ id, name: name as string | null }))
    const opened = auctionsOf(events).map(({ seller }) => ({ id: seller, name: null }))
    return joined
      .union(opened)
      .keyBy((either) => either.id)
      .window(tumbling('10s'))
      .aggregate<NewSeller, NewSeller, NewSeller & { readonly id: number; readonly stime: number }>(
        {
          create: () => ({ name: null, opened: false }),
          add: (held, { name }) => (name === null ? { name: held.name, opened: true } : { name, opened: held.opened }),
          merge: (a, b) => ({ name: a.name ?? b.name, opened: a.opened || b.opened }),
          result: (held) => held,
        },
        ({ name, opened: hasOpened }, { key, window }) => ({ id: key, name, stime: window.start, opened: hasOpened }),
      )
      .filter((row) => row.opened && row.name !== null)
      .map(({ id, name, stime }) => ({ id, name, stime }))
  },
})

/** How many bids each person made in a session of activity. */
export const q11 = query({
  fields: { bid: ['bidder'] },
  row: Type.Object({ bidder: bid.bidder, bid_count: count, starttime: time, endtime: time }),
  build: (events) =>
    bidsOf(events)
      .keyBy((bid) => bid.bidder)
      .window(sessions('10s'))
      .aggregate(
        { create: () => 0, add: (n) => n + 1, result: (n) => n, merge: (a, b) => a + b },
        (bid_count, { key, window }) => ({ bidder: key, bid_count, starttime: window.start, endtime: window.end }),
      ),
})
