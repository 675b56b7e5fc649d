import type { MapState } from '@millrace/core'
import { compilePattern } from '../automaton/compile.ts'
import type { PatternDefinition } from '../definition/definition.ts'
import { fromDefinition } from '../definition/from-definition.ts'
import { Matcher, type MatcherLimits } from '../matcher/matcher.ts'
import { PatternError } from '../pattern/pattern-error.ts'
import type { Rule } from './key-matcher.ts'

/** What a stream of rules says: a rule is there from now on, in this version, or it is dropped. */
export type RuleChange =
  | { readonly id: string; readonly version: number; readonly pattern: PatternDefinition }
  | { readonly id: string; readonly version: number; readonly drop: true }

/** A change that was not made, and why. */
export interface RejectedRule {
  readonly change: unknown
  readonly why: string
  /** Where in the change; null where it is about the whole. */
  readonly path: string | null
}

/** What is kept of a rule by all tasks. A dropped one stays, so that no older version can come back. */
export interface StoredRule {
  readonly version: number
  readonly pattern: PatternDefinition | null
}

type Stored = Pick<MapState<string, StoredRule>, 'entries'>

/** The rules as each task has them, ready to be matched. */
export class RuleBook {
  readonly #limits: MatcherLimits
  /** By task: tasks of a thread share this, and may be at different places in the stream of rules. */
  readonly #active: (readonly Rule[] | null)[] = []
  readonly #matchers = new Map<string, { readonly text: string; readonly matcher: Matcher }>()

  constructor(limits: MatcherLimits) {
    this.#limits = limits
  }

  /** The task begins; what it had before a restart is forgotten. */
  open(index: number): void {
    this.#active[index] = null
  }

  rulesOf(index: number, stored: Stored): readonly Rule[] {
    let active = this.#active[index] ?? null
    if (active === null) {
      active = [...stored.entries()]
        .flatMap(([id, { version, pattern }]) =>
          pattern === null ? [] : [{ id, version, matcher: this.#matcherOf(id, version, pattern) }],
        )
        .sort((a, b) => (a.id < b.id ? -1 : 1))
      this.#active[index] = active
    }
    return active
  }

  /** Makes the change, or says why it cannot be made; null for one that is older than what is there. */
  apply(change: unknown, index: number, stored: MapState<string, StoredRule>): RejectedRule | string | null {
    const wrong = malformed(change)
    if (wrong !== null) return { change, ...wrong }
    const { id, version, ...rest } = change as RuleChange
    const known = stored.get(id)
    // The same change may come twice; an older one may come late.
    if (known !== undefined && known.version >= version) return null
    const pattern = 'pattern' in rest ? rest.pattern : null
    try {
      if (pattern !== null) this.#matcherOf(id, version, pattern)
    } catch (error) {
      if (!(error instanceof PatternError)) throw error
      return { change, why: error.message, path: error.path === null ? 'pattern' : `pattern.${error.path}` }
    }
    stored.set(id, { version, pattern })
    this.#active[index] = null
    return id
  }

  #matcherOf(id: string, version: number, definition: PatternDefinition): Matcher {
    const name = `${id}@${version}`
    const text = JSON.stringify(definition)
    const known = this.#matchers.get(name)
    if (known?.text === text) return known.matcher
    const matcher = new Matcher(compilePattern(fromDefinition(definition).tree), this.#limits)
    this.#matchers.set(name, { text, matcher })
    return matcher
  }
}

function malformed(change: unknown): { readonly why: string; readonly path: string | null } | null {
  if (typeof change !== 'object' || change === null)
    return { why: 'a change of the rules must be an object', path: null }
  const { id, version } = change as Record<string, unknown>
  if (typeof id !== 'string' || id === '') return { why: 'it must be a text that is not empty', path: 'id' }
  if (!Number.isSafeInteger(version) || (version as number) < 0) {
    return { why: 'it must be a whole number from 0 on', path: 'version' }
  }
  if ('pattern' in change === (change as { drop?: unknown }).drop) {
    return { why: 'a change has either a pattern, or drop: true', path: null }
  }
  if (!('pattern' in change) && (change as { drop?: unknown }).drop !== true) {
    return { why: 'a change has either a pattern, or drop: true', path: null }
  }
  return null
}
