import type { Automaton, Position } from '../automaton/automaton.ts'
import type { MatchedSoFar } from '../pattern/match-types.ts'
import type { Dewey } from './dewey.ts'
import type { BufferNode } from './shared-buffer.ts'

const NOTHING: readonly unknown[] = []

/** What conditions see of a partial match: one object for all, which reads the buffer when it is asked. */
export class ConditionContext implements MatchedSoFar<Record<string, readonly unknown[]>> {
  timestamp = 0
  readonly #automaton: Automaton
  #node: BufferNode | null = null
  #version: Dewey | null = null
  readonly #known = new Map<string, readonly unknown[]>()

  constructor(automaton: Automaton) {
    this.#automaton = automaton
  }

  /** Whose events it shows from now on; null for a match that has not begun. */
  show(node: BufferNode | null, version: Dewey | null): void {
    if (this.#known.size > 0) this.#known.clear()
    this.#node = node
    this.#version = version
  }

  // Fields, so that conditions can take them out of the context.
  readonly all = (name: string): readonly unknown[] => {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const events = this.#read(name)
    this.#known.set(name, events)
    return events
  }

  readonly first = (name: string): never => this.all(name)[0] as never

  readonly last = (name: string): never => this.all(name).at(-1) as never

  #read(name: string): readonly unknown[] {
    const stage = this.#automaton.stages.indexOf(name)
    if (stage < 0) {
      throw new TypeError(`pattern '${this.#automaton.name}' takes no events by the name '${name}'`)
    }
    let node = this.#node
    let version = this.#version
    let events: unknown[] | null = null
    while (node !== null && version !== null) {
      const position = this.#automaton.positions[node.position] as Position
      if (position.stage === stage) {
        events ??= []
        events.push(node.event.value)
      }
      const link = node.linkOf(version)
      version = link.version
      node = link.previous
    }
    return events === null ? NOTHING : events.reverse()
  }
}
