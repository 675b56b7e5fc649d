import { match, matchRules, pattern, type RuleChange } from '@millrace/cep'
import { type Collector, type DataStream, sliding, tumbling, valueState } from '@millrace/core'
import { type Alert, distanceKm, type MerchantReport, type Payment, type Suspicion } from './payments.ts'

/** More payments than this within a minute are too many. */
export const VELOCITY_LIMIT = 6
/** A payment below the first amount, then one above the second within a minute, is a stolen card being tried out. */
export const PROBE_BELOW = 2
export const PROBE_ABOVE = 400
export const PROBE_WITHIN_MS = 60_000
/** Faster than an airliner. */
export const TRAVEL_LIMIT_KMH = 1000

/** All alerts of the three rules. */
export function detect(payments: DataStream<Payment>): DataStream<Alert> {
  return sequenceRules(payments).union(velocityRule(payments))
}

interface Burst {
  readonly count: number
  readonly last: string
  readonly lastTime: number
}

/** Counts each card's payments in overlapping windows; of those that see one burst, the first gives the alert. */
function velocityRule(payments: DataStream<Payment>): DataStream<Alert> {
  return payments
    .keyBy((payment) => payment.card)
    .window(sliding('1m', '10s'))
    .aggregate(
      {
        create: (): Burst => ({ count: 0, last: '', lastTime: Number.NEGATIVE_INFINITY }),
        // By time, and by id where times are equal: the result must not depend on the order of arrival.
        add: ({ count, last, lastTime }, { id, time }) =>
          time > lastTime || (time === lastTime && id > last)
            ? { count: count + 1, last: id, lastTime: time }
            : { count: count + 1, last, lastTime },
        result: (burst) => burst,
      },
      (burst, { key, window }) => ({ card: key, start: window.start, ...burst }),
    )
    .uid('velocity-windows')
    .filter((burst) => burst.count > VELOCITY_LIMIT)
    .keyBy((burst) => burst.card)
    .process({
      state: { quietUntil: valueState({ initial: 0 }) },
      onRecord({ card, start, count, last, lastTime }, { state }, out: Collector<Alert>) {
        const isNew = start >= state.quietUntil.get()
        state.quietUntil.set(start + 60_000)
        if (!isNew) return
        out.emit({ rule: 'velocity', card, payment: last, time: lastTime, reason: `${count} payments within a minute` })
      },
    })
    .uid('velocity-rule')
}

/** Tiny, then large: the stolen card is tried out before it is used. */
const probe = pattern<Payment>('probe')
  .begin('tiny')
  .where((payment) => payment.amount < PROBE_BELOW)
  .followedBy('large')
  .where((payment) => payment.amount > PROBE_ABOVE)
  .within(PROBE_WITHIN_MS + 1)
  .skipPastLastEvent()

/** Two payments in a row that no traveller can make. */
const travel = pattern<Payment>('travel')
  .begin('from')
  .next('to')
  .where((payment, matched) => isImpossible(matched.first('from'), payment))

// Which of two payments at one time comes first must not depend on the order of their arrival.
const order = (a: Payment, b: Payment): number => (a.id < b.id ? -1 : 1)

/** Patterns over the payments of a card. */
function sequenceRules(payments: DataStream<Payment>): DataStream<Alert> {
  const byCard = payments.keyBy((payment) => payment.card)
  return match(byCard, probe, { uid: 'probe', order })
    .select(({ tiny, large }) => probeAlert(tiny[0], large[0]))
    .union(match(byCard, travel, { uid: 'travel', order }).select(({ from, to }) => travelAlert(from[0], to[0])))
}

/** Patterns that come from a topic, and change while the job runs: each payment that completes one is worth a look. */
export function watch(payments: DataStream<Payment>, changes: DataStream<RuleChange>): DataStream<Suspicion> {
  const byCard = payments.keyBy((payment) => payment.card)
  return matchRules(byCard, changes, { uid: 'watched', order }).select((found, { rule, version, key }) => ({
    rule,
    version,
    card: key,
    payments: Object.values(found)
      .flat()
      .map(({ id }) => id),
  }))
}

function isImpossible(from: Payment, to: Payment): boolean {
  return distanceKm(from.city, to.city) > (TRAVEL_LIMIT_KMH * (to.time - from.time)) / 3_600_000
}

function travelAlert(from: Payment, to: Payment): Alert {
  const km = Math.round(distanceKm(from.city, to.city))
  const minutes = Math.max(1, Math.round((to.time - from.time) / 60_000))
  return alert('travel', to, `${from.city} to ${to.city}, ${km} km in ${minutes} min`)
}

function probeAlert(probe: Payment, payment: Payment): Alert {
  const seconds = Math.round((payment.time - probe.time) / 1000)
  return alert('probe', payment, `€${probe.amount.toFixed(2)}, then €${payment.amount.toFixed(2)} after ${seconds} s`)
}

function alert(rule: Alert['rule'], { id, card, time }: Payment, reason: string): Alert {
  return { rule, card, payment: id, time, reason }
}

/** What each merchant took, minute by minute. */
export function merchantReports(payments: DataStream<Payment>): DataStream<MerchantReport> {
  return payments
    .keyBy((payment) => payment.merchant)
    .window(tumbling('1m'))
    .aggregate(
      {
        create: () => ({ payments: 0, cents: 0, largest: 0 }),
        // Whole cents: a sum of fractions would depend on the order of arrival.
        add: (held, { amount }: Payment) => ({
          payments: held.payments + 1,
          cents: held.cents + Math.round(amount * 100),
          largest: Math.max(held.largest, amount),
        }),
        result: (held) => held,
      },
      ({ payments: count, cents, largest }, { key, window }): MerchantReport => ({
        merchant: key,
        minute: window.start,
        payments: count,
        total: cents / 100,
        largest,
      }),
    )
    .uid('merchant-minutes')
}
