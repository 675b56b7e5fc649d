import type { Automaton, Position } from '../automaton/automaton.ts'
import type { AnyMatch } from '../pattern/match-types.ts'
import type { Dewey } from './dewey.ts'
import type { BufferedEvent, BufferNode } from './shared-buffer.ts'

/** An event of a match, and the stage that took it. */
export interface Taken {
  readonly stage: number
  readonly event: BufferedEvent
}

/** The events that a partial match of this version has taken, in order. */
export function takenBy(automaton: Automaton, last: BufferNode, version: Dewey): Taken[] {
  const taken: Taken[] = []
  let node: BufferNode | null = last
  let of: Dewey | null = version
  while (node !== null && of !== null) {
    taken.push({ stage: (automaton.positions[node.position] as Position).stage, event: node.event })
    const link = node.linkOf(of)
    of = link.version
    node = link.previous
  }
  return taken.reverse()
}

/** By name of stage; a stage that took nothing has an empty list. */
export function matchOf(automaton: Automaton, taken: readonly Taken[]): AnyMatch {
  const match: Record<string, unknown[]> = {}
  for (const name of automaton.stages) match[name] = []
  for (const { stage, event } of taken) match[automaton.stages[stage] as string]?.push(event.value)
  return match
}

/** Which comes first of two matches that began and ended together: the one that takes its events earlier. */
export function compareTaken(a: readonly Taken[], b: readonly Taken[]): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const left = a[at] as Taken
    const right = b[at] as Taken
    const difference = left.event.sequence - right.event.sequence || left.stage - right.stage
    if (difference !== 0) return difference
  }
  return b.length - a.length
}
