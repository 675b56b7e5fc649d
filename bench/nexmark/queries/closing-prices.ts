import { type Collector, listState, valueState } from '@millrace/core'
import { Type } from 'typebox'
import { isAuction, isBid, query } from './query.ts'

interface Open {
  readonly category: number
  readonly dateTime: number
  readonly expires: number
  /** The highest bid so far; negative before the first. */
  readonly price: number
}

interface Offer {
  readonly price: number
  readonly dateTime: number
}

interface ClosingPrice {
  readonly category: number
  readonly price: number
}

function isBetter({ price, dateTime }: Offer, open: Open): boolean {
  return price > open.price && dateTime >= open.dateTime && dateTime <= open.expires
}

/**
 * The average closing price of each category: of the highest bids that were made while their auction was open. An auction
 * closes when event time has passed its end, so a price counts once and needs no correction.
 */
export const q4 = query({
  fields: { auction: ['id', 'category', 'dateTime', 'expires'], bid: ['auction', 'price', 'dateTime'] },
  row: Type.Object({ id: Type.Integer(), final: Type.Integer() }),
  build: (events) =>
    events
      .filter(isAuction)
      .keyBy(({ auction }) => auction.id)
      .connect(events.filter(isBid).keyBy(({ bid }) => bid.auction))
      .process({
        state: { open: valueState<Open>(), early: listState<Offer>() },
        onLeft({ auction }, { state, timers }, _out: Collector<ClosingPrice>) {
          const { category, dateTime, expires } = auction
          let open: Open = { category, dateTime, expires, price: -1 }
          for (const offer of state.early.get()) if (isBetter(offer, open)) open = { ...open, price: offer.price }
          state.early.clear()
          state.open.set(open)
          timers.atEventTime(expires)
        },
        onRight({ bid }, { state, timers }) {
          const { price, dateTime } = bid
          const open = state.open.get()
          const offer = { price, dateTime }
          if (open !== undefined) {
            if (isBetter(offer, open)) state.open.set({ ...open, price })
            return
          }
          // Its auction comes later, or has closed: in both cases time will tell.
          if (state.early.get().length === 0) timers.atEventTime(dateTime)
          state.early.add(offer)
        },
        onTimer(_timer, { state, timers, watermark }, out) {
          const open = state.open.get()
          if (open !== undefined && open.expires <= watermark) {
            if (open.price >= 0) out.emit({ category: open.category, price: open.price })
            state.open.clear()
          }
          const early = state.early.get()
          if (early.length === 0) return
          // An auction opens before its bids: where time has passed a bid, none will come for it.
          const rest = early.filter(({ dateTime }) => dateTime > watermark)
          state.early.set(rest)
          if (rest.length > 0) timers.atEventTime(Math.min(...rest.map(({ dateTime }) => dateTime)))
        },
      })
      .keyBy((closed) => closed.category)
      .process({
        state: { prices: valueState({ initial: { sum: 0, count: 0 } }) },
        onRecord({ price }, { key, state }, out: Collector<{ readonly id: number; readonly final: number }>) {
          const { sum, count } = state.prices.get()
          const prices = { sum: sum + price, count: count + 1 }
          state.prices.set(prices)
          out.emit({ id: key, final: Math.floor(prices.sum / prices.count) })
        },
      }),
  key: ({ id }) => String(id),
})
