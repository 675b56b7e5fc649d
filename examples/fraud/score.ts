import type { Injected } from './generator.ts'
import type { Alert } from './payments.ts'

export interface Score {
  readonly found: number
  readonly missed: number
  readonly falseAlarms: number
}

/** Compares alerts with what was put in: a fraud is found when an alert of its rule names one of its payments. */
export function score(alerts: readonly Alert[], injected: readonly Injected[]): Score {
  const byPayment = new Map(
    injected.flatMap((fraud) => fraud.payments.map((payment) => [`${fraud.rule} ${payment}`, fraud])),
  )
  const found = new Set<Injected>()
  let falseAlarms = 0
  for (const { rule, payment } of alerts) {
    const fraud = byPayment.get(`${rule} ${payment}`)
    // A second alert for a fraud that was found already is one that nobody needed.
    if (fraud === undefined || found.has(fraud)) falseAlarms++
    else found.add(fraud)
  }
  return { found: found.size, missed: injected.length - found.size, falseAlarms }
}
