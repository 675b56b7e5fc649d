import type { PatternDefinition } from '../../src/definition/definition.ts'
import { fromDefinition } from '../../src/definition/from-definition.ts'
import { findMatches } from '../../src/explain/find-matches.ts'

/*
 * Patterns and events in a line of text, so that many cases can be read and checked by hand:
 *
 *   a next b+ followedBy c? | within 10 | skip skipToNext
 *
 * A stage takes events with its first letter, `_` and what begins with it any event. After it: `+`, `{2}`, `{2,3}`, `{2,}` and `?`, then the words
 * greedy, consecutive, combinations, `until x` and `step 5` (within 5 of the event before). Groups are in round brackets.
 * An event is its letter and its time: `a1 b5`.
 */

export interface LetterEvent {
  readonly letter: string
  readonly time: number
}

const is = (name: string) => `event.letter == "${name[0]}"`
type Part = Record<string, unknown>

class Notation {
  readonly #words: string[]
  #at = 0

  constructor(text: string) {
    this.#words = text.replaceAll('(', ' ( ').replaceAll(')', ' ) ').trim().split(/\s+/)
  }

  parts(): Part[] {
    const parts: Part[] = []
    while (this.#at < this.#words.length && this.#words[this.#at] !== ')') parts.push(this.#part(parts.length === 0))
    return parts
  }

  #part(isFirst: boolean): Part {
    const part: Part = isFirst ? {} : { follows: this.#next() }
    const word = this.#next()
    if (word === '(') {
      part.group = this.parts()
      const closed = this.#next()
      if (closed !== ')') throw new Error(`no ) but ${closed}`)
      const quantifier = this.#words[this.#at]
      if (quantifier !== undefined && /^[+?{]/.test(quantifier)) this.#quantify(part, this.#next())
    } else {
      const [, name = '', quantifier = ''] = /^(\w+?)([+?{].*)?$/.exec(word) ?? []
      part.name = name
      if (!name.startsWith('_')) part.where = is(name)
      this.#quantify(part, quantifier)
    }
    for (;;) {
      const word = this.#words[this.#at]
      if (word === 'greedy') part.greedy = true
      else if (word === 'consecutive' || word === 'combinations') part.repeats = word
      else if (word === 'until') part.until = is(this.#words[++this.#at] as string)
      else if (word === 'step') part.within = Number(this.#words[++this.#at])
      else return part
      this.#at++
    }
  }

  #quantify(part: Part, text: string): void {
    if (text.endsWith('?')) part.optional = true
    const [, from = '', comma, to = ''] = /^\{(\d+)(,)?(\d*)\}/.exec(text) ?? []
    if (text.startsWith('+')) part.times = { from: 1, to: null }
    else if (from !== '') {
      part.times = comma === undefined ? Number(from) : { from: Number(from), to: to === '' ? null : Number(to) }
    }
  }

  #next(): string {
    return this.#words[this.#at++] as string
  }
}

export function definitionOf(text: string): PatternDefinition {
  const [stages = '', ...settings] = text.split('|').map((each) => each.trim())
  const definition: Record<string, unknown> = { name: 'case', stages: new Notation(stages).parts() }
  for (const setting of settings) {
    const [word, ...rest] = setting.split(/\s+/)
    if (word === 'within') definition.within = Number(rest[0])
    else if (word === 'skip') {
      definition.afterMatch = {
        skip: rest[0],
        ...(rest[1] === undefined ? {} : { stage: rest[1] }),
        ...(rest[2] === undefined ? {} : { missing: rest[2] }),
      }
    } else throw new Error(`what is ${setting}?`)
  }
  return definition as unknown as PatternDefinition
}

export function eventsOf(text: string): LetterEvent[] {
  return text
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => ({ letter: word[0] as string, time: Number(word.slice(1)) }))
}

const write = (match: Readonly<Record<string, readonly LetterEvent[]>>): string =>
  Object.values(match)
    .flat()
    .toSorted((a, b) => a.time - b.time)
    .map(({ letter, time }) => `${letter}${time}`)
    .join(' ')

/** The matches, each as its events in order: `a1 b2; a1 b3`. */
export function found(pattern: string, events: string): { matches: string[]; timedOut: string[] } {
  const built = fromDefinition<LetterEvent>(definitionOf(pattern))
  const { matches, timedOut } = findMatches(built, eventsOf(events), { time: ({ time }) => time })
  return { matches: matches.map(write).toSorted(), timedOut: timedOut.map(write).toSorted() }
}
