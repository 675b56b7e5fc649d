import { Random } from '@millrace/core/testing'
import { type City, cities, type Payment, type Rule } from './payments.ts'

/** A fraud that was put into the stream, to be found: the payments of which one should complete an alert. */
export interface Injected {
  readonly rule: Rule
  readonly card: string
  readonly payments: readonly string[]
}

export interface Traffic {
  /** In the order of arrival, which is not that of their time. */
  readonly payments: readonly Payment[]
  readonly injected: readonly Injected[]
}

export interface TrafficOptions {
  readonly seed: number
  /** About how many payments; frauds come on top. */
  readonly payments: number
}

const START = Date.UTC(2026, 0, 15, 12)
/** Payments reach the stream at most this late. */
export const MAX_DELAY_MS = 4_000
const PAYMENTS_PER_MINUTE = 6_000
const CARD_GAP_MS = 8 * 60_000

const cityNames = Object.keys(cities).filter((name): name is City => name in cities)

/**
 * A day at the payment processor, the same for the same seed: honest cards in their home cities, some of which come close
 * to a rule without breaking it, and cards in wrong hands.
 */
export function generateTraffic({ seed, payments: wanted }: TrafficOptions): Traffic {
  const random = new Random(seed)
  const minutes = Math.max(5, wanted / PAYMENTS_PER_MINUTE)
  const spanMs = minutes * 60_000
  const payments: Payment[] = []
  const injected: Injected[] = []
  let id = 0
  let cards = 0

  const newCard = (): { card: string; home: City } => ({
    card: `card-${String(cards++).padStart(6, '0')}`,
    home: random.pick(cityNames),
  })
  const pay = (card: string, city: City, time: number, amount: number): string => {
    const payment = {
      id: `p${String(id++).padStart(8, '0')}`,
      card,
      merchant: `shop-${random.integer(250)}`,
      city,
      amount,
      time,
    }
    payments.push(payment)
    return payment.id
  }
  const everyday = (): number => Math.round((3 + random.next() ** 3 * 300) * 100) / 100
  const large = (): number => Math.round((500 + random.next() * 2500) * 100) / 100
  const moment = (lengthMs: number): number => START + Math.floor(random.next() * Math.max(1, spanMs - lengthMs))

  while (payments.length < wanted) {
    const { card, home } = newCard()
    const kind = random.next()
    if (kind < 0.004) {
      const start = moment(50_000)
      const ids = Array.from({ length: 10 }, (_, n) =>
        pay(card, home, start + n * 4_000 + random.integer(2_000), everyday()),
      )
      injected.push({ rule: 'velocity', card, payments: ids })
    } else if (kind < 0.008) {
      const start = moment(60_000)
      const ids = [
        pay(card, home, start, 0.5 + random.integer(100) / 100),
        pay(card, home, start + 5_000 + random.integer(45_000), large()),
      ]
      injected.push({ rule: 'probe', card, payments: ids })
    } else if (kind < 0.012) {
      const start = moment(120_000)
      const away = random.pick(cityNames.filter((city) => city !== home))
      const ids = [
        pay(card, home, start, everyday()),
        pay(card, away, start + 30_000 + random.integer(60_000), everyday()),
      ]
      injected.push({ rule: 'travel', card, payments: ids })
    } else if (kind < 0.016) {
      // Close to a probe, but the large payment comes too late for one.
      const start = moment(120_000)
      pay(card, home, start, 1)
      pay(card, home, start + 61_000 + random.integer(30_000), large())
    } else if (kind < 0.02) {
      // As many payments in a minute as are allowed.
      const start = moment(60_000)
      for (let n = 0; n < 6; n++) pay(card, home, start + n * 8_000, everyday())
    } else {
      for (
        let time = START + random.integer(CARD_GAP_MS);
        time < START + spanMs;
        time += CARD_GAP_MS + random.integer(CARD_GAP_MS)
      ) {
        pay(card, home, time, everyday())
      }
    }
  }
  const arrivals = payments.map((payment) => ({ payment, at: payment.time + random.next() * MAX_DELAY_MS }))
  arrivals.sort((a, b) => a.at - b.at)
  return { payments: arrivals.map(({ payment }) => payment), injected }
}
