import type { Answer } from '../answers/answer.ts'
import type { NexmarkEvent } from '../events.ts'
import type { Row } from '../queries/index.ts'
import { HashList, hash } from './hash-list.ts'
import { rowText } from './row-text.ts'

export interface Difference {
  /** Rows that the answer has. */
  readonly expected: number
  readonly missing: number
  readonly extra: number
  /** The text of some of them. */
  readonly missingRows: readonly string[]
  readonly extraRows: readonly string[]
}

/** Gives every row to the visitor. */
export type RowScan = (visit: (row: Row) => void) => Promise<void>

const EXAMPLES = 3

/**
 * Compares rows with those of an answer as multisets. It keeps a hash of 53 bits for each row: a row that is wrong passes
 * with a probability of less than one in a thousand million for each million rows.
 */
export class RowCheck {
  readonly #answer: Answer
  readonly #events: Iterable<NexmarkEvent>
  readonly #text: (row: Row) => string
  /** Sorted. Of rows any of which is right, the first one. */
  readonly #expected: Float64Array
  /** The others, and for which one they stand. */
  readonly #standsFor = new Map<number, number>()

  constructor(answer: Answer, events: Iterable<NexmarkEvent>) {
    this.#answer = answer
    this.#events = events
    this.#text = rowText(answer.columns)
    const expected = new HashList()
    for (const choice of answer.rows(events)) {
      const first = hash(this.#text(choice[0] as Row))
      expected.push(first)
      for (let at = 1; at < choice.length; at++) this.#standsFor.set(hash(this.#text(choice[at] as Row)), first)
    }
    this.#expected = expected.sorted()
  }

  hash(row: Row): number {
    const own = hash(this.#text(row))
    return this.#standsFor.get(own) ?? own
  }

  /** `rescan` is read only when there is a difference, to show it. */
  async compare(actual: HashList, rescan: RowScan): Promise<Difference> {
    const sorted = actual.sorted()
    const missing = new HashList()
    const extra = new HashList()
    let [at, other] = [0, 0]
    while (at < this.#expected.length || other < sorted.length) {
      const wanted = this.#expected[at] ?? Number.POSITIVE_INFINITY
      const found = sorted[other] ?? Number.POSITIVE_INFINITY
      if (wanted === found) {
        at++
        other++
      } else if (wanted < found) {
        missing.push(wanted)
        at++
      } else {
        extra.push(found)
        other++
      }
    }
    return {
      expected: this.#expected.length,
      missing: missing.length,
      extra: extra.length,
      missingRows: this.#textsOf(missing),
      extraRows: await this.#foundTexts(extra, rescan),
    }
  }

  #textsOf(missing: HashList): string[] {
    const wanted = new Set(missing.first(EXAMPLES))
    const texts: string[] = []
    if (wanted.size === 0) return texts
    for (const [row] of this.#answer.rows(this.#events)) {
      const text = this.#text(row as Row)
      if (wanted.delete(hash(text))) texts.push(text)
      if (wanted.size === 0) break
    }
    return texts
  }

  async #foundTexts(extra: HashList, rescan: RowScan): Promise<string[]> {
    const wanted = new Set(extra.first(EXAMPLES))
    const texts: string[] = []
    if (wanted.size === 0) return texts
    await rescan((row) => {
      if (wanted.delete(this.hash(row))) texts.push(this.#text(row))
    })
    return texts
  }
}
