import { setTimeout as delay } from 'node:timers/promises'
import { job, memoryLog } from '@millrace/core'
import { generateTraffic, type Traffic } from './generator.ts'
import { paymentTime } from './job.ts'
import type { Alert } from './payments.ts'
import { detect, merchantReports } from './rules.ts'
import { score } from './score.ts'
import { alertJson, reportJson, topics } from './topics.ts'
import { View } from './view.ts'

export interface EmbeddedOptions {
  readonly seed: number
  readonly payments: number
  readonly ratePerSecond: number
  readonly quiet: boolean
}

export interface EmbeddedResult {
  readonly payments: number
  readonly found: number
  readonly missed: number
  readonly falseAlarms: number
}

const REFRESH_MS = 120

/** Runs the detector in this process, with nothing installed: payments from memory, alerts to topics of the embedded log. */
export async function runEmbedded(options: EmbeddedOptions): Promise<EmbeddedResult> {
  const traffic = generateTraffic(options)
  const alerts: Alert[] = []
  const view = options.quiet ? null : new View(process.stdout)
  const detector = fraudOver(traffic, options.ratePerSecond, {
    push(alert) {
      alerts.push(alert)
      view?.push(alert)
    },
  })
  const log = memoryLog()
  log.storage.createTopic(topics.alerts, 4)
  log.storage.createTopic(topics.reports, 4)
  const startedAt = Date.now()
  const handle = detector.start({
    log,
    epochInterval: '250ms',
    stopOnSignals: true,
    backPressure: { samples: 20, delay: '25ms', refreshInterval: '500ms' },
  })
  const ended = handle.done.then(
    () => true,
    () => true,
  )
  const draw = (): void => {
    const status = handle.status()
    const read = status.workers.reduce((sum, { totals }) => sum + totals.recordsIn, 0)
    view?.draw({ status, payments: read, total: traffic.payments.length, elapsedMs: Date.now() - startedAt })
  }
  try {
    for (let over = false; !over; ) {
      over = await Promise.race([ended, delay(REFRESH_MS, false)])
      draw()
    }
    await handle.done
  } finally {
    view?.close()
  }
  return { payments: traffic.payments.length, ...score(alerts, traffic.injected) }
}

function fraudOver({ payments }: Traffic, ratePerSecond: number, committed: { push(alert: Alert): void }) {
  return job('fraud', (env) => {
    const stream = env.generate(
      {
        make(index) {
          const payment = payments[index]
          if (payment === undefined) throw new RangeError(`There is no payment ${index}.`)
          return payment
        },
        count: payments.length,
        ratePerSecond,
      },
      { time: paymentTime },
    )
    const alerts = detect(stream)
    alerts.toTopic(topics.alerts, alertJson, { key: (alert) => alert.card })
    alerts.collect(committed)
    merchantReports(stream).toTopic(topics.reports, reportJson, { key: (report) => report.merchant })
  })
}
