import { type Job, job, watermarks } from '@millrace/core'
import { MAX_DELAY_MS } from './generator.ts'
import type { Payment } from './payments.ts'
import { detect, merchantReports } from './rules.ts'
import { alertJson, paymentJson, reportJson, topics } from './topics.ts'

/** Payments are waited for as long as they may be late. */
export const paymentTime = watermarks.bounded<Payment>(MAX_DELAY_MS, (payment) => payment.time)

/** Reads the payments topic to its end, writes alerts and reports. */
export const fraud: Job = job('fraud', (env) => {
  const payments = env.topic(topics.payments, paymentJson, { time: paymentTime, bounded: true })
  detect(payments).toTopic(topics.alerts, alertJson, { key: (alert) => alert.card })
  merchantReports(payments).toTopic(topics.reports, reportJson, { key: (report) => report.merchant })
})

export default fraud
