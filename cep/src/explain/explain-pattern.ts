import { ALWAYS, type Automaton, type Edge, type End, type Position } from '../automaton/automaton.ts'
import { compilePattern } from '../automaton/compile.ts'
import type { PatternLike } from '../pattern/pattern.ts'

/** The automaton of a pattern as text that draws it. */
export interface PatternExplanation {
  readonly mermaid: string
  readonly graphviz: string
}

interface Arrow {
  readonly from: string
  readonly to: string
  readonly text: string
}

interface Drawing {
  readonly circles: readonly { readonly id: string; readonly label: string; readonly text: string }[]
  readonly arrows: readonly Arrow[]
}

/**
 * Draws the automaton that looks for a pattern: a circle for each place where an event can be taken, an arrow for each way on.
 *
 * @throws PATTERN_INVALID for a pattern that breaks a rule
 */
export function explainPattern<T, Match>(pattern: PatternLike<T, Match>): PatternExplanation {
  const automaton = compilePattern(pattern.tree)
  const drawing = draw(automaton)
  return { mermaid: mermaid(drawing), graphviz: graphviz(automaton.name, drawing) }
}

function draw(automaton: Automaton): Drawing {
  const idOf = (position: Position): string => `p${position.index}`
  const circles = automaton.positions.map((position) => ({
    id: idOf(position),
    label: position.label,
    text: position.condition === ALWAYS ? 'any event' : (automaton.conditions[position.condition]?.text ?? ''),
  }))
  const arrows: Arrow[] = automaton.starts.map((edge) => ({ from: 'start', to: idOf(edge.to), text: 'begin' }))
  for (const position of automaton.positions) {
    for (const edge of position.edges) {
      arrows.push({ from: idOf(position), to: idOf(edge.to), text: textOfEdge(automaton, edge) })
    }
    for (const end of position.ends) arrows.push({ from: idOf(position), to: 'match', text: textOfEnd(automaton, end) })
  }
  return { circles, arrows }
}

function textOfEdge(automaton: Automaton, edge: Edge): string {
  const texts: string[] = [edge.contiguity]
  for (const { kind, name } of edge.nots) texts.push(`${kind} ${name}`)
  for (const id of edge.untils) texts.push(`until ${automaton.conditions[id]?.text}`)
  if (edge.withinMs < Number.POSITIVE_INFINITY) texts.push(`within ${edge.withinMs} ms`)
  if (edge.yielding !== 0) texts.push('greedy')
  return texts.join(', ')
}

function textOfEnd(automaton: Automaton, end: End): string {
  const texts: string[] = end.nots.map(({ kind, name }) => `${kind} ${name}`)
  if (end.when === 'next') texts.push('at the next event')
  if (end.when === 'time') {
    const ms = Math.min(end.withinMs, automaton.withinMs)
    texts.push(`after ${ms} ms`)
  }
  return texts.join(', ')
}

function mermaid({ circles, arrows }: Drawing): string {
  const quoted = (text: string): string =>
    `"${text.replaceAll('"', '#quot;').replaceAll('<', '#lt;').replaceAll('>', '#gt;')}"`
  return [
    'flowchart LR',
    '  start((start))',
    ...circles.map(({ id, label, text }) => `  ${id}(${quoted(`${label}: ${text}`)})`),
    '  match(((match)))',
    ...arrows.map(({ from, to, text }) => `  ${from} ${text === '' ? '-->' : `-->|${quoted(text)}|`} ${to}`),
    '',
  ].join('\n')
}

function graphviz(name: string, { circles, arrows }: Drawing): string {
  return [
    `digraph ${JSON.stringify(name)} {`,
    '  rankdir=LR',
    '  start [shape=point]',
    ...circles.map(({ id, label, text }) => `  ${id} [label=${JSON.stringify(`${label}\n${text}`)}]`),
    '  match [shape=doublecircle]',
    ...arrows.map(({ from, to, text }) => `  ${from} -> ${to} [label=${JSON.stringify(text)}]`),
    '}',
    '',
  ].join('\n')
}
