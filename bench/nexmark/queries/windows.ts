import { sessions, sliding, tumbling } from '@millrace/core'
import type { Bid } from '../events.ts'
import { auctionsOf, bidsOf, personsOf, query } from './query.ts'

interface HotItems {
  readonly num: number
  readonly auctions: number[]
}

/** Hot items: the auctions with the most bids of the last 10 s, every 2 s. */
export const q5 = query({
  fields: { bid: ['auction'] },
  build: (events) =>
    bidsOf(events)
      .keyBy((bid) => bid.auction)
      .window(sliding('10s', '2s'))
      .aggregate({ create: () => 0, add: (count) => count + 1, result: (count) => count }, (num, { key, window }) => ({
        auction: key,
        num,
        end: window.end,
      }))
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
  build: (events) =>
    bidsOf(events)
      .keyBy((bid) => bid.bidder)
      .window(sessions('10s'))
      .aggregate(
        { create: () => 0, add: (count) => count + 1, result: (count) => count, merge: (a, b) => a + b },
        (bid_count, { key, window }) => ({ bidder: key, bid_count, starttime: window.start, endtime: window.end }),
      ),
})
