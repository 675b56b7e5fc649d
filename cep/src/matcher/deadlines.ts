import type { Automaton, Edge, End, Position } from '../automaton/automaton.ts'
import type { PartialMatch } from './partial-matches.ts'

/** Sets when the next of the ways on closes, or the whole partial match is too late. */
export function setDeadline(automaton: Automaton, run: PartialMatch): void {
  if (!automaton.isTimed) return
  let deadlineMs = run.startTimestamp + automaton.withinMs
  const { edges, ends } = automaton.positions[run.node.position] as Position
  const last = run.node.event.timestamp
  for (let at = 0; at < edges.length + ends.length; at++) {
    if ((run.open & (1 << at)) === 0) continue
    const { withinMs } = (at < edges.length ? edges[at] : ends[at - edges.length]) as Edge | End
    deadlineMs = Math.min(deadlineMs, last + withinMs)
  }
  run.deadlineMs = deadlineMs
}

/**
 * Whether a partial match is complete, or over, by then. A way on that closes before the others is of no consequence, and is
 * done with here: so what is of consequence can be put in the order of its time.
 */
export function isDue(automaton: Automaton, run: PartialMatch, untilMs: number): boolean {
  while (run.deadlineMs <= untilMs) {
    const open = openAt(automaton, run, run.deadlineMs)
    if (open === 0 || endsByTime(automaton, run, open)) return true
    run.open = open
    setDeadline(automaton, run)
  }
  return false
}

/** The ways on for which there is still time. */
export function openAt(automaton: Automaton, run: PartialMatch, nowMs: number): number {
  if (nowMs >= run.startTimestamp + automaton.withinMs) return 0
  const { edges, ends } = automaton.positions[run.node.position] as Position
  const last = run.node.event.timestamp
  let open = run.open
  for (let at = 0; at < edges.length + ends.length; at++) {
    const { withinMs } = (at < edges.length ? edges[at] : ends[at - edges.length]) as Edge | End
    if (nowMs >= last + withinMs) open &= ~(1 << at)
  }
  return open
}

/** Whether it becomes a match with the closing of all ways but these. */
export function endsByTime(automaton: Automaton, run: PartialMatch, open: number): boolean {
  if (run.isGiven) return false
  const { edges, ends } = automaton.positions[run.node.position] as Position
  const closing = run.open & ~open
  return ends.some(({ when }, at) => when === 'time' && (closing & (1 << (edges.length + at))) !== 0)
}
