import { type DataStream, type Environment, json, sessions, sliding, tumbling, watermarks } from '@millrace/core'
import { type Auction, type Bid, eventTime, type NexmarkEvent, type Person } from './events.ts'

/** Queries of the benchmark as they are usually given, from the events to the rows of the output topic. */
export type Query = (events: DataStream<NexmarkEvent>) => DataStream<unknown>

/** How much later than their successors events may come. */
export const WATERMARK_DELAY = '4s'

export function eventsFrom(
  env: Environment,
  topic: string,
  bounded: boolean,
  delay: '4s' | '0s' = WATERMARK_DELAY,
): DataStream<NexmarkEvent> {
  return env.topic(topic, json<NexmarkEvent>(), { time: watermarks.bounded(delay, eventTime), bounded })
}

function bids(events: DataStream<NexmarkEvent>): DataStream<Bid> {
  return events.filter((event) => event.event_type === 2).map((event) => event.bid)
}

interface HotItems {
  readonly num: number
  readonly auctions: number[]
}

interface Highest {
  price: number
  bids: Bid[]
}

export const queries = {
  /** Pass through. */
  q0: (events) =>
    bids(events).map(({ auction, bidder, price, dateTime, extra }) => ({ auction, bidder, price, dateTime, extra })),

  /** Prices in another currency. */
  q1: (events) =>
    bids(events).map(({ auction, bidder, price, dateTime, extra }) => ({
      auction,
      bidder,
      price: 0.908 * price,
      dateTime,
      extra,
    })),

  /** Bids on some auctions. */
  q2: (events) =>
    bids(events)
      .filter((bid) => bid.auction % 123 === 0)
      .map(({ auction, price }) => ({ auction, price })),

  /** Hot items: the auctions with the most bids of the last 10 s, every 2 s. */
  q5: (events) =>
    bids(events)
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

  /** The highest bid of each 10 s. */
  q7: (events) =>
    bids(events)
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
      .flatMap(({ bids: highest }) => highest)
      .map(({ auction, bidder, price, dateTime, extra }) => ({ auction, bidder, price, dateTime, extra })),

  /** Persons who joined and opened an auction within the same 10 s. */
  q8: (events) => {
    const joined = events
      .filter((event) => event.event_type === 0)
      .map(({ person }) => ({ id: person.id, person: person as Person | null }))
    const opened = events
      .filter((event) => event.event_type === 1)
      .map(({ auction }) => ({ id: (auction as Auction).seller, person: null }))
    return joined
      .union(opened)
      .keyBy((either) => either.id)
      .window(tumbling('10s'))
      .aggregate<
        { name: string | null; opened: boolean },
        { name: string | null; opened: boolean },
        { id: number; name: string | null; stime: number; opened: boolean }
      >(
        {
          create: () => ({ name: null, opened: false }),
          add: (held, { person }) =>
            person === null ? { name: held.name, opened: true } : { name: person.name, opened: held.opened },
          result: (held) => held,
        },
        ({ name, opened: hasOpened }, { key, window }) => ({ id: key, name, stime: window.start, opened: hasOpened }),
      )
      .filter((row) => row.opened && row.name !== null)
      .map(({ id, name, stime }) => ({ id, name, stime }))
  },

  /** How many bids each person made in a session of activity. */
  q11: (events) =>
    bids(events)
      .keyBy((bid) => bid.bidder)
      .window(sessions('10s'))
      .aggregate(
        { create: () => 0, add: (count) => count + 1, result: (count) => count, merge: (a, b) => a + b },
        (bid_count, { key, window }) => ({ bidder: key, bid_count, starttime: window.start, endtime: window.end }),
      ),
} as const satisfies Record<string, Query>

export type QueryName = keyof typeof queries
