import type { MapState } from '@millrace/core'
import type { EventStore } from '../matcher/stored-events.ts'
import type { RuleMatches } from './key-state.ts'

type OfRule = Pick<RuleMatches, 'rule' | 'version'>

/** The events of one key that are stored one by one, as those of one rule in one version. One object for all keys. */
export class RuleEvents implements EventStore {
  #events!: MapState<string, unknown>
  #suffix = ''

  of(events: MapState<string, unknown>, { rule, version }: OfRule): this {
    this.#events = events
    this.#suffix = suffixOf(rule, version)
    return this
  }

  get(sequence: number): unknown {
    return this.#events.get(sequence + this.#suffix)
  }

  set(sequence: number, event: unknown): void {
    this.#events.set(sequence + this.#suffix, event)
  }

  delete(sequence: number): void {
    this.#events.delete(sequence + this.#suffix)
  }
}

/** Deletes those of a rule, in the given version or in all. */
export function deleteEventsOf(events: MapState<string, unknown>, rule: string, version: number | null): void {
  if (events.size === 0) return
  for (const key of [...events.keys()]) {
    const [, of, ...id] = key.split(' ')
    if (id.join(' ') === rule && (version === null || Number(of) === version)) events.delete(key)
  }
}

function suffixOf(rule: string, version: number): string {
  return ` ${version} ${rule}`
}
