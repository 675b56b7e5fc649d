import { job, json, watermarks } from '@millrace/core'
import { testHarness } from '@millrace/core/testing'
import { expect, it } from 'vitest'
import { type Alert, distanceKm, type MerchantReport, type Payment } from '../payments.ts'
import { detect, merchantReports } from '../rules.ts'

const rules = job('rules', (env) => {
  const payments = env.topic('payments', json<Payment>(), {
    time: watermarks.bounded<Payment>('4s', (payment) => payment.time),
  })
  detect(payments).toTopic('alerts', json())
  merchantReports(payments).toTopic('reports', json())
})

let id = 0

function payment(time: number, fields: Partial<Payment> = {}): Payment {
  return { id: `p${id++}`, card: 'card', merchant: 'shop', city: 'Vienna', amount: 20, time, ...fields }
}

/** What the rules say of these payments, in this order of arrival. */
async function alerts(...payments: Payment[]): Promise<Alert[]> {
  const t = await testHarness(rules)
  // A payment of another card much later moves the watermark past everything.
  for (const each of [...payments, payment(3_600_000, { card: 'other' })]) t.topic<Payment>('payments').send(each)
  await t.settle()
  await t.stop()
  return t.topic<Alert>('alerts').values()
}

it('a tiny payment and a large one within a minute are a probe', async () => {
  const large = payment(40_000, { amount: 900 })
  expect(await alerts(payment(10_000, { amount: 1 }), large)).toMatchObject([{ rule: 'probe', payment: large.id }])
  expect(await alerts(payment(10_000, { amount: 1 }), payment(71_000, { amount: 900 }))).toEqual([])
  expect(await alerts(payment(10_000, { amount: 900 }), payment(20_000, { amount: 1 }))).toEqual([])
})

it('the order of their times counts, not that of their arrival', async () => {
  const large = payment(12_000, { amount: 900 })
  expect(await alerts(large, payment(10_000, { amount: 1 }))).toMatchObject([{ rule: 'probe', payment: large.id }])
})

it('a card in two places faster than an airliner is impossible travel', async () => {
  expect(distanceKm('Vienna', 'New York')).toBeCloseTo(6_810, -2)
  expect(await alerts(payment(0), payment(600_000, { city: 'New York' }))).toMatchObject([
    { rule: 'travel', reason: expect.stringContaining('Vienna to New York') },
  ])
  expect(await alerts(payment(0, { city: 'Berlin' }), payment(3_000_000, { city: 'Warsaw' }))).toEqual([])
})

it('more than six payments in a minute give one alert, however many windows see them', async () => {
  const burst = Array.from({ length: 9 }, (_, n) => payment(100_000 + n * 3_000))
  expect(await alerts(...burst)).toMatchObject([{ rule: 'velocity', card: 'card' }])
  expect(await alerts(...burst.slice(0, 6))).toEqual([])
})

it('merchants are reported minute by minute', async () => {
  const t = await testHarness(rules)
  for (const each of [
    payment(1_000, { amount: 0.1 }),
    payment(59_999, { amount: 0.2 }),
    payment(60_000),
    payment(600_000),
  ]) {
    t.topic<Payment>('payments').send(each)
  }
  await t.settle()
  await t.stop()
  expect(t.topic<MerchantReport>('reports').values()).toEqual([
    { merchant: 'shop', minute: 0, payments: 2, total: 0.3, largest: 0.2 },
    { merchant: 'shop', minute: 60_000, payments: 1, total: 20, largest: 20 },
  ])
})
