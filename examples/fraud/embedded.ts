import { setTimeout as delay } from 'node:timers/promises'
import type { RuleChange } from '@millrace/cep'
import { job, memoryLog, watermarks } from '@millrace/core'
import { generateTraffic, MAX_DELAY_MS } from './generator.ts'
import { paymentTime } from './job.ts'
import type { Alert, Payment, Suspicion } from './payments.ts'
import { detect, merchantReports, watch } from './rules.ts'
import { score } from './score.ts'
import { alertJson, reportJson, ruleJson, rulesTopic, topics } from './topics.ts'
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
  /** What the watched patterns have found, by rule and version: `unusual@2`. */
  readonly suspicions: Readonly<Record<string, number>>
}

const REFRESH_MS = 120
const END_OF_TIME_MS = 8_640_000_000_000_000

/** What is watched for at first. */
const firstRules: readonly RuleChange[] = [
  {
    id: 'unusual',
    version: 1,
    pattern: { name: 'a large payment', stages: [{ name: 'large', where: 'event.amount > 290' }] },
  },
]
/** Half way somebody thinks better of it, and adds another pattern. */
const laterRules: readonly RuleChange[] = [
  {
    id: 'unusual',
    version: 2,
    pattern: {
      name: 'a payment ten times the one before',
      stages: [
        { name: 'before', where: 'event.amount > 10' },
        { name: 'after', follows: 'next', where: 'event.amount > 10 * matched.before[0].amount' },
      ],
      within: '15m',
    },
  },
  {
    id: 'same shop',
    version: 1,
    pattern: {
      name: 'two payments in a row in one shop',
      stages: [
        { name: 'first' },
        { name: 'again', follows: 'next', where: 'event.merchant == matched.first[0].merchant' },
      ],
      within: '15m',
      afterMatch: { skip: 'skipPastLastEvent' },
    },
  },
]

/**
 * Runs the detector in this process, with nothing installed: payments from memory, alerts to topics of the embedded log. What is
 * watched for comes from a topic of rules, and changes half way.
 */
export async function runEmbedded(options: EmbeddedOptions): Promise<EmbeddedResult> {
  const traffic = generateTraffic(options)
  const alerts: Alert[] = []
  const suspicions: Suspicion[] = []
  const view = options.quiet ? null : new View(process.stdout)
  const log = memoryLog()
  log.storage.createTopic(topics.alerts, 4)
  log.storage.createTopic(topics.reports, 4)
  log.storage.createTopic(rulesTopic, 1)
  let rules = 0
  const change = (changes: readonly RuleChange[]): void => {
    rules += changes.length
    const timestamp = Date.now()
    log.storage.write(
      rulesTopic,
      0,
      changes.map((rule) => ({ value: Buffer.from(JSON.stringify(rule)), timestamp })),
    )
  }
  const startedAt = Date.now()
  const half = Math.floor(traffic.payments.length / 2)
  const payments = paced(traffic.payments, options.ratePerSecond, half, async (at) => {
    // What came before was looked at by the rules of then.
    const passedMs = (traffic.payments[at - 1]?.time ?? 0) - MAX_DELAY_MS - 1
    while (at > 0 && eventTime() < passedMs) await delay(5)
    change(at === 0 ? firstRules : laterRules)
    // From here on the job has them.
    while (read() < at + rules) await delay(5)
  })
  const detector = fraudOver(payments, {
    alerts: {
      push(alert) {
        alerts.push(alert)
        view?.push(alert)
      },
    },
    suspicions: {
      push(suspicion) {
        suspicions.push(suspicion)
        view?.suspect(suspicion)
      },
    },
  })
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
  const read = (): number => handle.status().workers.reduce((sum, { totals }) => sum + totals.recordsIn, 0)
  const eventTime = (): number => handle.status().workers.flatMap(({ tasks }) => tasks)[0]?.watermark ?? 0
  const draw = (): void => {
    const status = handle.status()
    const total = traffic.payments.length
    view?.draw({ status, payments: Math.min(read(), total), total, elapsedMs: Date.now() - startedAt })
  }
  const written = (): number => handle.status().workers.reduce((sum, { totals }) => sum + totals.recordsOut, 0)
  try {
    let before = -1
    for (let over = false; !over; ) {
      over = await Promise.race([ended, delay(REFRESH_MS, false)])
      draw()
      if (read() < traffic.payments.length + rules) continue
      // The topic of rules has no end, so it is for us to say when: when nothing comes of the last payments any more.
      if (written() === before) await handle.stop()
      before = written()
    }
    await handle.done
  } finally {
    view?.close()
  }
  return { payments: traffic.payments.length, ...score(alerts, traffic.injected), suspicions: tally(suspicions) }
}

/** Payments no faster than this, with something done at first and half way. */
async function* paced(
  payments: readonly Payment[],
  ratePerSecond: number,
  half: number,
  pause: (at: number) => Promise<void>,
): AsyncIterable<Payment> {
  const startedAt = Date.now()
  for (const [at, payment] of payments.entries()) {
    if (at === 0 || at === half) await pause(at)
    const earlyMs = at % 256 === 0 ? startedAt + (at * 1_000) / ratePerSecond - Date.now() : 0
    if (earlyMs > 0) await delay(earlyMs)
    yield payment
  }
}

/** How many payments each version of each rule has found. */
function tally(suspicions: readonly Suspicion[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { rule, version } of suspicions) counts[`${rule}@${version}`] = (counts[`${rule}@${version}`] ?? 0) + 1
  return counts
}

interface Committed {
  readonly alerts: { push(alert: Alert): void }
  readonly suspicions: { push(suspicion: Suspicion): void }
}

function fraudOver(payments: AsyncIterable<Payment>, committed: Committed) {
  return job('fraud', (env) => {
    const stream = env.from(() => payments, { time: paymentTime })
    const alerts = detect(stream)
    alerts.toTopic(topics.alerts, alertJson, { key: (alert) => alert.card })
    alerts.collect(committed.alerts)
    // Rules have no time of their own, so they do not hold up what is shown of event time.
    const changes = env.topic(rulesTopic, ruleJson, { time: watermarks.monotonous(() => END_OF_TIME_MS) })
    watch(stream, changes).collect(committed.suspicions)
    merchantReports(stream).toTopic(topics.reports, reportJson, { key: (report) => report.merchant })
  })
}
