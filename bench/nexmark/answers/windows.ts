import type { Bid } from '../events.ts'
import type { Answer } from './answer.ts'
import { bidColumns, bids } from './stateless.ts'

const SECOND = 1_000

function windowStart(time: number, size: number): number {
  return Math.floor(time / size) * size
}

export const q5: Answer = {
  columns: { auction: 'integer', num: 'integer' },
  *rows(events) {
    const counts = new Map<number, Map<number, number>>()
    for (const { auction, dateTime } of bids(events)) {
      const newest = windowStart(dateTime, 2 * SECOND)
      for (let start = newest - 8 * SECOND; start <= newest; start += 2 * SECOND) {
        const window = counts.get(start) ?? new Map<number, number>()
        counts.set(start, window)
        window.set(auction, (window.get(auction) ?? 0) + 1)
      }
    }
    for (const window of counts.values()) {
      let most = 0
      for (const num of window.values()) most = Math.max(most, num)
      for (const [auction, num] of window) if (num === most) yield [{ auction, num }]
    }
  },
}

export const q7: Answer = {
  columns: bidColumns,
  *rows(events) {
    const highest = new Map<number, Bid[]>()
    for (const bid of bids(events)) {
      const start = windowStart(bid.dateTime, 10 * SECOND)
      const held = highest.get(start)
      if (held === undefined || bid.price > (held[0] as Bid).price) highest.set(start, [bid])
      else if (bid.price === (held[0] as Bid).price) held.push(bid)
    }
    for (const list of highest.values()) for (const bid of list) yield [{ ...bid }]
  },
}

export const q8: Answer = {
  columns: { id: 'integer', name: 'text', stime: 'time' },
  *rows(events) {
    const sellers = new Set<string>()
    for (const event of events) {
      if (event.event_type !== 1) continue
      const { seller, dateTime } = event.auction
      sellers.add(`${seller} ${windowStart(dateTime, 10 * SECOND)}`)
    }
    for (const event of events) {
      if (event.event_type !== 0) continue
      const { id, name, dateTime } = event.person
      const stime = windowStart(dateTime, 10 * SECOND)
      if (sellers.has(`${id} ${stime}`)) yield [{ id, name, stime }]
    }
  },
}

export const q11: Answer = {
  columns: { bidder: 'integer', bid_count: 'integer', starttime: 'time', endtime: 'time' },
  *rows(events) {
    const times = new Map<number, number[]>()
    for (const { bidder, dateTime } of bids(events)) {
      const list = times.get(bidder)
      if (list === undefined) times.set(bidder, [dateTime])
      else list.push(dateTime)
    }
    for (const [bidder, list] of times) {
      list.sort((a, b) => a - b)
      let starttime = list[0] as number
      let endtime = starttime
      let bid_count = 0
      for (const time of list) {
        if (bid_count > 0 && time > endtime) {
          yield [{ bidder, bid_count, starttime, endtime }]
          starttime = time
          bid_count = 0
        }
        bid_count++
        endtime = time + 10 * SECOND
      }
      yield [{ bidder, bid_count, starttime, endtime }]
    }
  },
}
