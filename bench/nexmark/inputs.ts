import type { Log } from '@millrace/core/spi'
import { answers } from './answers/index.ts'
import { NexmarkEvents } from './generator.ts'
import { loadEvents } from './load.ts'
import { PARTITIONS } from './measure-run.ts'
import type { QueryName } from './queries/index.ts'
import { RowCheck } from './verify/row-check.ts'

/** Of event time, in events per second: a million events are a hundred seconds. */
const generated = { seed: 42, ratePerSecond: 10_000, startMs: 1_700_000_000_000 }

/** The topics of events, and what the queries must give for them; each is made when it is first needed. */
export class Inputs {
  readonly #log: Log
  readonly #name: string
  readonly #say: (line: string) => void
  readonly #topics = new Map<number, string>()
  readonly #checks = new Map<string, RowCheck>()

  constructor(log: Log, name: string, say: (line: string) => void) {
    this.#log = log
    this.#name = name
    this.#say = say
  }

  async topic(events: number): Promise<string> {
    const topic = this.#topics.get(events) ?? (await this.#provide(events))
    this.#topics.set(events, topic)
    return topic
  }

  check(query: QueryName, events: number): RowCheck {
    const name = `${query}/${events}`
    const check = this.#checks.get(name) ?? new RowCheck(answers[query], new NexmarkEvents(events, generated))
    this.#checks.set(name, check)
    return check
  }

  /** A topic that is there already, with so many events, is taken as it is. */
  async #provide(events: number): Promise<string> {
    const topic = `${this.#name}-${events}`
    const [found] = await this.#log.describeTopics([topic])
    if (found === null) {
      const startedAt = performance.now()
      const bytes = await loadEvents(this.#log, topic, PARTITIONS, new NexmarkEvents(events, generated))
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
      this.#say(
        `loaded ${events.toLocaleString('en')} events (${Math.round(bytes / 1e6)} MB) into ${topic} in ${seconds} s`,
      )
    }
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }))
    const held = (await this.#log.offsets(partitions, 'latest')).reduce((sum, end) => sum + end, 0)
    if (held !== events) {
      throw new Error(`Topic ${topic} holds ${held} events instead of ${events}: delete it, or give another --topic.`)
    }
    return topic
  }
}
