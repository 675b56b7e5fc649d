import { job, memoryLog, watermarks } from '@millrace/core'
import { expect, it } from 'vitest'
import { type Bid, eventTime, type NexmarkEvent } from '../nexmark/events.ts'
import { NexmarkGenerator } from '../nexmark/generator.ts'
import { type Query, queries } from '../nexmark/queries.ts'

/** Forty seconds of event time. */
const events: NexmarkEvent[] = []
const generator = new NexmarkGenerator({ seed: 7, ratePerSecond: 300, startMs: 1_700_000_000_000 })
for (let n = 0; n < 12_000; n++) events.push(generator.next())
const bids = events.flatMap((event) => (event.event_type === 2 ? [event.bid] : []))
const SECOND = 1_000

async function rows(query: Query): Promise<string[]> {
  const seen: unknown[] = []
  await job('query', (env) => {
    query(env.from(events, { time: watermarks.bounded('4s', eventTime) })).collect(seen)
  }).run({ log: memoryLog() })
  return seen.map((row) => JSON.stringify(row)).sort()
}

function expected(list: readonly object[]): string[] {
  expect(list.length).toBeGreaterThan(0)
  return list.map((row) => JSON.stringify(row)).sort()
}

function grouped<T, K>(list: readonly T[], key: (item: T) => K): Map<K, T[]> {
  return Map.groupBy(list, key)
}

function outputRow({ auction, bidder, price, dateTime, extra }: Bid): object {
  return { auction, bidder, price, dateTime, extra }
}

it('makes 46 bids, 3 auctions and a person of every 50 events, as JSON of about 280 bytes', () => {
  const counts = [0, 1, 2].map((type) => events.filter((event) => event.event_type === type).length)
  expect(counts).toEqual([240, 720, 11_040])
  const bytes = events.reduce((sum, event) => sum + JSON.stringify(event).length, 0) / events.length
  expect(bytes).toBeGreaterThan(230)
  expect(bytes).toBeLessThan(330)
})

it('q0 passes bids through', async () => {
  expect(await rows(queries.q0)).toEqual(expected(bids.map(outputRow)))
})

it('q1 converts prices', async () => {
  expect(await rows(queries.q1)).toEqual(expected(bids.map((bid) => outputRow({ ...bid, price: 0.908 * bid.price }))))
})

it('q2 keeps some auctions', async () => {
  const kept = bids.filter(({ auction }) => auction % 123 === 0)
  expect(await rows(queries.q2)).toEqual(expected(kept.map(({ auction, price }) => ({ auction, price }))))
})

it('q5 finds the auctions with most bids of every ten seconds', async () => {
  const hot: object[] = []
  const first = Math.floor((bids[0] as Bid).dateTime / (2 * SECOND)) * 2 * SECOND - 8 * SECOND
  for (let start = first; start <= (bids.at(-1) as Bid).dateTime; start += 2 * SECOND) {
    const inWindow = bids.filter(({ dateTime }) => dateTime >= start && dateTime < start + 10 * SECOND)
    const counts = [...grouped(inWindow, ({ auction }) => auction)].map(([auction, list]) => ({
      auction,
      num: list.length,
    }))
    const most = Math.max(...counts.map(({ num }) => num))
    hot.push(...counts.filter(({ num }) => num === most))
  }
  expect(await rows(queries.q5)).toEqual(expected(hot))
})

it('q7 finds the highest bids of every ten seconds', async () => {
  const highest = [...grouped(bids, ({ dateTime }) => Math.floor(dateTime / (10 * SECOND))).values()].flatMap(
    (list) => {
      const price = Math.max(...list.map((bid) => bid.price))
      return list.filter((bid) => bid.price === price)
    },
  )
  expect(await rows(queries.q7)).toEqual(expected(highest.map(outputRow)))
})

it('q8 finds persons who open an auction in the ten seconds in which they join', async () => {
  const window = (time: number): number => Math.floor(time / (10 * SECOND)) * 10 * SECOND
  const sellers = new Set(
    events.flatMap((event) =>
      event.event_type === 1 ? [`${event.auction.seller} ${window(event.auction.dateTime)}`] : [],
    ),
  )
  const found = events.flatMap((event) => {
    if (event.event_type !== 0) return []
    const { id, name, dateTime } = event.person
    return sellers.has(`${id} ${window(dateTime)}`) ? [{ id, name, stime: window(dateTime) }] : []
  })
  expect(await rows(queries.q8)).toEqual(expected(found))
})

it('q11 counts the bids of each session of a bidder', async () => {
  const sessions = [...grouped(bids, ({ bidder }) => bidder)].flatMap(([bidder, list]) => {
    const found: { bidder: number; bid_count: number; starttime: number; endtime: number }[] = []
    for (const { dateTime } of list.toSorted((a, b) => a.dateTime - b.dateTime)) {
      const last = found.at(-1)
      if (last !== undefined && dateTime <= last.endtime) {
        last.bid_count++
        last.endtime = dateTime + 10 * SECOND
      } else found.push({ bidder, bid_count: 1, starttime: dateTime, endtime: dateTime + 10 * SECOND })
    }
    return found
  })
  expect(await rows(queries.q11)).toEqual(expected(sessions))
})
