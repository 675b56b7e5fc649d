import { median } from '../report/statistics.ts'
import type { RunResult } from './measure-run.ts'
import type { System, SystemName } from './system.ts'

export const runHeader =
  'round query par system      events/s   CPU s/M  broker  state   peak MB  state  commits ms      other cores   rows'

/** One run, as it is told when it has ended. */
export function runLine(run: RunResult): string {
  const { measure, difference, events } = run
  const round = String(run.round + 1).padEnd(5)
  const place = `${round} ${run.query.padEnd(5)} ${run.parallelism}   ${run.system.padEnd(9)}`
  if (measure === null) return `${place} failed after ${Math.round(run.wallMs / 1000)} s: ${cause(run.failure ?? '')}`
  const cells = [
    count(measure.eventsPerSecond).padStart(10),
    perMillion(measure.cpuMs, events).padStart(9),
    perMillion(run.brokerCpuMs, events).padStart(7),
    perMillion(measure.stateCpuMs, events).padStart(6),
    count(measure.peakRssMb).padStart(9),
    count(measure.statePeakRssMb).padStart(6),
    commit([run]).padStart(14),
    (run.otherCores?.toFixed(2) ?? '-').padStart(13),
  ]
  const { expected, missing, extra } = difference ?? { expected: 0, missing: 0, extra: 0 }
  const rows =
    missing + extra === 0 ? count(expected) : `${count(expected)}: ${count(missing)} missing, ${count(extra)} extra`
  return `${place} ${cells.join(' ')}   ${rows}`
}

/** The innermost cause in what a Java program printed, or the first line of what another one did. */
function cause(text: string): string {
  const lines = text.split('\n')
  return lines.findLast((line) => line.startsWith('Caused by: ')) ?? lines[0] ?? ''
}

/** Tables in Markdown, as bench/RESULTS.md has them: one pair for each parallelism. */
export function summaryTables(systems: readonly System[], runs: readonly RunResult[]): string[] {
  const parallelisms = [...new Set(runs.map(({ parallelism }) => parallelism))]
  return parallelisms.flatMap((parallelism) => {
    const group = new Group(
      systems,
      runs.filter((run) => run.parallelism === parallelism),
    )
    return ['', `Parallelism ${parallelism}`, '', ...group.rates(), '', ...group.costs(), '', ...group.notes()]
  })
}

/** The runs of one parallelism. */
class Group {
  readonly #systems: readonly System[]
  readonly #runs: readonly RunResult[]
  readonly #queries: readonly string[]
  readonly #peers: readonly System[]

  constructor(systems: readonly System[], runs: readonly RunResult[]) {
    this.#systems = systems
    this.#runs = runs
    this.#queries = [...new Set(runs.map(({ query }) => query))]
    this.#peers = systems.filter(({ name }) => name !== 'millrace')
  }

  /** Events per second: median (least–most), and how far ahead of the better peer. */
  rates(): string[] {
    const title = [
      'events/s',
      ...this.#systems.map(({ title }) => title),
      ...this.#ratioTitles('ahead of the better one by'),
    ]
    const rows = this.#queries.map((query) => {
      const cells = this.#systems.map(({ name }) => {
        const rates = this.#of(query, name, (run) => run.measure?.eventsPerSecond)
        if (rates.length === 0) return this.#why(query, name)
        const range = `${count(Math.min(...rates))}–${count(Math.max(...rates))}`
        return `${count(median(rates))} (${range})${this.#smaller(query, name)}`
      })
      const best = Math.max(...this.#peers.map(({ name }) => this.#median(query, name, rateOf) ?? 0))
      return [query, ...cells, ...this.#ratio(this.#median(query, 'millrace', rateOf), best)]
    })
    return table(title, rows)
  }

  /** CPU seconds for a million events and peak memory, Redis apart, and how much less than the better peer both of them use. */
  costs(): string[] {
    const hasPeers = this.#peers.length > 0
    const names = this.#systems.map(({ name }) => name)
    const ratio = hasPeers ? ['of the better one’s'] : []
    const title = [
      'query',
      ...names.map((name) => `CPU s/M: ${name}`),
      'Redis',
      ...ratio,
      ...names.map((name) => `broker’s: ${name}`),
      ...names.map((name) => `peak MB: ${name}`),
      'Redis',
      ...ratio,
      'commits: ms, median / most',
    ]
    const rows = this.#queries.map((query) => {
      const each = (value: Value): string[] => names.map((name) => decimal(this.#median(query, name, value)))
      const memory = names.map((name) => count(this.#median(query, name, peakOf)))
      return [
        query,
        ...each(cpuOf),
        decimal(this.#median(query, 'millrace', stateCpuOf)),
        ...this.#share(query, cpuOf, stateCpuOf),
        ...each(brokerOf),
        ...memory,
        count(this.#median(query, 'millrace', statePeakOf)),
        ...this.#share(query, peakOf, statePeakOf),
        commit(this.#all(query, 'millrace')),
      ]
    })
    return table(title, rows)
  }

  /** What was not right, not done, or disturbed. */
  notes(): string[] {
    const notes: string[] = []
    for (const query of this.#queries) {
      for (const { name } of this.#systems) {
        const runs = this.#all(query, name)
        const wrong = runs.filter(({ difference }) => difference !== null && difference.missing + difference.extra > 0)
        if (wrong.length > 0) {
          const counts = wrong.map(
            ({ difference, measure }) =>
              `${count(difference?.missing)} missing and ${count(difference?.extra)} extra of ${count(difference?.expected)}` +
              (measure?.dropped ? ` (${count(measure.dropped)} records dropped as late)` : ''),
          )
          notes.push(`- ${name} ${query}: other rows than the answer: ${counts.join('; ')}`)
        }
      }
    }
    const others = this.#runs.flatMap(({ otherCores }) => (otherCores === null ? [] : [otherCores]))
    if (others.length > 0)
      notes.push(
        `- cores that went to other work: median ${median(others).toFixed(2)}, most ${Math.max(...others).toFixed(2)}`,
      )
    return notes
  }

  #all(query: string, system: SystemName): RunResult[] {
    return this.#runs.filter((run) => run.query === query && run.system === system)
  }

  #of(query: string, system: SystemName, value: Value): number[] {
    return this.#all(query, system).flatMap((run) => value(run) ?? [])
  }

  #median(query: string, system: SystemName, value: Value): number | null {
    const values = this.#of(query, system, value)
    return values.length === 0 ? null : median(values)
  }

  #ratioTitles(title: string): string[] {
    return this.#peers.length === 0 ? [] : [title]
  }

  #ratio(own: number | null, best: number): string[] {
    if (this.#peers.length === 0) return []
    return [own === null || best === 0 ? '-' : (own / best).toFixed(1)]
  }

  /** What Millrace and its Redis use, as a part of what the better peer uses. */
  #share(query: string, value: Value, stateValue: Value): string[] {
    if (this.#peers.length === 0) return []
    const peers = this.#peers.flatMap(({ name }) => this.#median(query, name, value) ?? [])
    const own = this.#median(query, 'millrace', value)
    if (peers.length === 0 || own === null) return ['-']
    return [((own + (this.#median(query, 'millrace', stateValue) ?? 0)) / Math.min(...peers)).toFixed(2)]
  }

  #why(query: string, system: SystemName): string {
    return this.#all(query, system).length === 0 ? 'no natural form' : 'failed'
  }

  #smaller(query: string, system: SystemName): string {
    const most = Math.max(...this.#runs.map(({ events }) => events))
    const events = this.#all(query, system)[0]?.events ?? most
    return events === most ? '' : `, ${count(events)} events`
  }
}

type Value = (run: RunResult) => number | null | undefined

const rateOf: Value = ({ measure }) => measure?.eventsPerSecond
const cpuOf: Value = ({ measure, events }) => seconds(measure?.cpuMs, events)
const stateCpuOf: Value = ({ measure, events }) => seconds(measure?.stateCpuMs, events)
const brokerOf: Value = ({ brokerCpuMs, events }) => seconds(brokerCpuMs, events)
const peakOf: Value = ({ measure }) => measure?.peakRssMb
const statePeakOf: Value = ({ measure }) => measure?.statePeakRssMb

/** CPU seconds for a million events. */
function seconds(cpuMs: number | null | undefined, events: number): number | null {
  return cpuMs === null || cpuMs === undefined ? null : (cpuMs * 1000) / events
}

function perMillion(cpuMs: number | null, events: number): string {
  return decimal(seconds(cpuMs, events))
}

function commit(runs: readonly RunResult[]): string {
  const p50 = runs.flatMap(({ measure }) => measure?.commitP50Ms ?? [])
  const p99 = runs.flatMap(({ measure }) => measure?.commitP99Ms ?? [])
  const commits = runs.flatMap(({ measure }) => measure?.commits ?? [])
  return p50.length === 0 ? '-' : `${count(median(commits))}: ${count(median(p50))} / ${count(Math.max(...p99))}`
}

function count(value: number | null | undefined): string {
  return value === null || value === undefined ? '-' : Math.round(value).toLocaleString('en')
}

function decimal(value: number | null): string {
  return value === null ? '-' : value.toFixed(1)
}

function table(title: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(title), `|${title.map(() => '---').join('|')}|`, ...rows.map(line)]
}
