import { styleText } from 'node:util'
import type { JobStatus, TaskStatus } from '@millrace/core'
import type { Alert, Rule, Suspicion } from './payments.ts'

export interface Progress {
  readonly status: JobStatus
  readonly payments: number
  readonly total: number
  readonly elapsedMs: number
}

const ruleColour = { velocity: 'yellow', probe: 'magenta', travel: 'cyan' } as const satisfies Record<Rule, string>
const ruleName = { velocity: 'too many', probe: 'probe   ', travel: 'travel  ' } as const satisfies Record<Rule, string>
const rules: readonly Rule[] = ['velocity', 'probe', 'travel']
const BAR = 36
const SPARK = '▁▂▃▄▅▆▇█'
const LAST_ALERTS = 8

/** A live view of the running job: drawn in place on a terminal, one line a second elsewhere. */
export class View {
  readonly #out: NodeJS.WriteStream
  readonly #alerts: Alert[] = []
  readonly #counts: Record<Rule, number> = { velocity: 0, probe: 0, travel: 0 }
  /** By rule and version, as they came. */
  readonly #watched = new Map<string, number>()
  readonly #rates: number[] = []
  #lines = 0
  #lastPayments = 0
  #lastMs = 0
  #lastLineMs = 0
  /** As last seen: at the end of the input the task is gone, and its figures are still wanted. */
  #task: TaskStatus | undefined

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
    if (out.isTTY) out.write('\x1b[?25l')
  }

  /** A committed alert. */
  push(alert: Alert): void {
    this.#alerts.push(alert)
    if (this.#alerts.length > LAST_ALERTS) this.#alerts.shift()
    this.#counts[alert.rule]++
  }

  /** What a watched pattern has found. */
  suspect({ rule, version }: Suspicion): void {
    const name = `${rule} v${version}`
    this.#watched.set(name, (this.#watched.get(name) ?? 0) + 1)
  }

  draw(progress: Progress): void {
    this.#task = progress.status.workers.flatMap((worker) => worker.tasks)[0] ?? this.#task
    const sinceMs = progress.elapsedMs - this.#lastMs
    if (sinceMs > 0) {
      this.#rates.push(((progress.payments - this.#lastPayments) / sinceMs) * 1000)
      if (this.#rates.length > BAR) this.#rates.shift()
    }
    this.#lastMs = progress.elapsedMs
    this.#lastPayments = progress.payments
    if (this.#out.isTTY) this.#drawScreen(progress)
    else if (progress.elapsedMs - this.#lastLineMs >= 1000) {
      this.#lastLineMs = progress.elapsedMs
      this.#out.write(`${this.#line(progress)}\n`)
    }
  }

  close(): void {
    if (this.#out.isTTY) this.#out.write('\x1b[?25h')
  }

  #line({ payments, total, elapsedMs }: Progress): string {
    const task = this.#task
    const rate = Math.round(this.#rates.at(-1) ?? 0)
    const { velocity, probe, travel } = this.#counts
    return (
      `${(elapsedMs / 1000).toFixed(0).padStart(3)} s  ${payments}/${total} payments  ${rate}/s  epoch ${task?.epoch ?? '-'}  ` +
      `watermark ${clockTime(task?.watermark ?? null)}  back-pressure ${task?.backPressure.level ?? '-'}  ` +
      `alerts: ${velocity} too many, ${probe} probe, ${travel} travel  watched: ${this.#watchedText()}`
    )
  }

  #drawScreen({ payments, total, elapsedMs }: Progress): void {
    const task = this.#task
    const share = total === 0 ? 0 : payments / total
    const filled = Math.round(share * BAR)
    const dim = (text: string): string => styleText('dim', text)
    const label = (text: string): string => dim(text.padEnd(14))
    const { p50, p99 } = task?.epochDurationMs ?? { p50: 0, p99: 0 }
    const rows = [
      '',
      `  ${styleText(['bold', 'cyan'], 'millrace')} ${dim('·')} fraud detection ${dim(`· ${(elapsedMs / 1000).toFixed(1)} s`)}`,
      '',
      `  ${label('payments')}${styleText('green', '━'.repeat(filled))}${dim('━'.repeat(BAR - filled))} ${payments.toLocaleString('en')} ${dim(`of ${total.toLocaleString('en')}`)}`,
      `  ${label('rate')}${styleText('green', sparkline(this.#rates))} ${Math.round(this.#rates.at(-1) ?? 0).toLocaleString('en')}/s`,
      `  ${label('event time')}${clockTime(task?.watermark ?? null)}`,
      `  ${label('epochs')}${task?.epoch ?? 0} committed ${dim(`· ${p50.toFixed(0)} ms, at worst ${p99.toFixed(0)} ms`)}`,
      `  ${label('back-pressure')}${level(task?.backPressure.level ?? 'OK')} ${dim(`· busy ${busy(task)} %`)}`,
      '',
      `  ${styleText('bold', 'alerts')}  ${rules.map((rule) => `${styleText(ruleColour[rule], ruleName[rule].trim())} ${this.#counts[rule]}`).join(dim('  ·  '))}`,
      `  ${styleText('bold', 'watched')} ${this.#watchedText()}`,
      ...Array.from({ length: LAST_ALERTS }, (_, at) => this.#alertRow(this.#alerts.at(-1 - at))),
      '',
    ]
    const width = this.#out.columns ?? 100
    const back = this.#lines === 0 ? '' : `\x1b[${this.#lines}A`
    this.#lines = rows.length
    this.#out.write(`${back}${rows.map((row) => `\x1b[2K${clip(row, width)}`).join('\n')}\n`)
  }

  #watchedText(): string {
    return [...this.#watched].map(([name, count]) => `${name} ${count}`).join('  ·  ')
  }

  #alertRow(alert: Alert | undefined): string {
    if (alert === undefined) return ''
    const { rule, card, time, reason } = alert
    return `  ${styleText('dim', clockTime(time))}  ${styleText(ruleColour[rule], ruleName[rule])}  ${card}  ${reason}`
  }
}

function sparkline(values: readonly number[]): string {
  const highest = Math.max(1, ...values)
  return values.map((value) => SPARK[Math.min(SPARK.length - 1, Math.floor((value / highest) * SPARK.length))]).join('')
}

function clockTime(ms: number | null): string {
  return ms === null ? '--:--:--' : new Date(ms).toISOString().slice(11, 19)
}

function level(value: 'OK' | 'LOW' | 'HIGH'): string {
  return styleText(value === 'OK' ? 'green' : value === 'LOW' ? 'yellow' : 'red', value)
}

function busy(task: { busyMs: number; idleMs: number; blockedMs: number } | undefined): number {
  if (task === undefined) return 0
  const whole = task.busyMs + task.idleMs + task.blockedMs
  return whole === 0 ? 0 : Math.round((task.busyMs / whole) * 100)
}

/** Cuts a row that would wrap, leaving colour codes whole. */
function clip(row: string, width: number): string {
  const [plain = '', ...coloured] = row.split('\x1b')
  let left = width
  const cut = (text: string): string => {
    const kept = text.slice(0, Math.max(0, left))
    left -= text.length
    return kept
  }
  return (
    cut(plain) +
    coloured
      .map((part) => {
        const end = part.indexOf('m') + 1
        return `\x1b${part.slice(0, end)}${cut(part.slice(end))}`
      })
      .join('')
  )
}
