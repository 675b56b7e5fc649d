import { type ConditionNode, compileCondition } from '../../src/pattern/condition.ts'
import {
  type Contiguity,
  isNegative,
  type PatternNode,
  type PatternTree,
  type StageNode,
} from '../../src/pattern/nodes.ts'

/*
 * What a pattern matches, straight from the definitions and without an automaton: all ways in which the pattern can be spelled
 * out as a row of stages, and for each all ways to deal events to them, checked one by one.
 */

export interface TimedEvent {
  readonly event: unknown
  readonly timestamp: number
}

interface Scope {
  readonly until: ConditionNode
}

interface Take {
  readonly kind: 'take'
  readonly stage: StageNode
  readonly join: Contiguity
  readonly scopes: readonly Scope[]
  readonly withinMs: number
}

/** A place in a row: a stage that takes an event, one that must not come before the next, or one that would take it greedily. */
type Item =
  | Take
  | { readonly kind: 'not'; readonly stage: StageNode }
  | { readonly kind: 'greedy'; readonly take: Take }

type Row = readonly Item[]

/** There are more rows than can be looked at: fewer events make fewer. */
export class TooMany extends Error {}

const MOST_ROWS = 4_000

function bounded(rows: Row[]): Row[] {
  if (rows.length > MOST_ROWS) throw new TooMany()
  return rows
}

const countOf = (row: Row) => row.filter(({ kind }) => kind === 'take').length

function rowsOf(nodes: readonly PatternNode[], head: Contiguity, scopes: readonly Scope[], most: number): Row[] {
  let rows: Row[] = [[]]
  for (const [at, node] of nodes.entries()) {
    if (isNegative(node)) {
      rows = rows.map((row) => [...row, { kind: 'not', stage: node }])
      continue
    }
    const join = at === 0 ? head : (node.join as Contiguity)
    const after: StageNode[] = []
    for (const next of nodes.slice(at + 1)) {
      if (!isNegative(next)) break
      if (next.join === 'notFollowedBy') after.push(next)
    }
    const parts = repeatedRows(node, join, scopes, most, after)
    bounded(parts)
    rows = bounded(rows.flatMap((row) => parts.map((part) => [...row, ...part])).filter((row) => countOf(row) <= most))
  }
  return rows
}

function repeatedRows(
  node: PatternNode,
  join: Contiguity,
  outer: readonly Scope[],
  most: number,
  after: readonly StageNode[],
): Row[] {
  const { min, max, inner, isOptional, isGreedy } = node.quantifier
  const scopes = node.until === null ? outer : [...outer, { until: node.until }]
  const withinMs = node.withinMs ?? Number.POSITIVE_INFINITY
  const once = (contiguity: Contiguity): Row[] => {
    if (node.kind === 'stage') return [[{ kind: 'take', stage: node, join: contiguity, scopes, withinMs }]]
    return rowsOf(node.sequence, contiguity, scopes, most).map((row) => soon(row, withinMs))
  }
  // What follows a loop and must not come, must not come between its repetitions either.
  const nots: Item[] = node.kind === 'stage' ? after.map((stage) => ({ kind: 'not', stage })) : []
  const greedy = (contiguity: Contiguity): Item[] =>
    isGreedy ? [{ kind: 'greedy', take: once(contiguity)[0]?.[0] as Take }] : []
  const all: Row[] = isOptional ? [greedy(join)] : []
  let rows: Row[] = once(join)
  // A repetition without an event is none, so what may be without need not come more than once.
  const least = rows.some((row) => countOf(row) === 0) ? 1 : min
  for (let times = 1; times <= max && rows.length > 0; times++) {
    const stop = times < max ? [...nots, ...greedy(inner)] : []
    if (times >= least) all.push(...rows.map((row) => [...row, ...stop]))
    bounded(all)
    if (times === max) break
    const begun = rows.filter((row) => countOf(row) > 0)
    const more = once(inner).filter((part) => countOf(part) > 0)
    if (begun.length * more.length > MOST_ROWS * 20) throw new TooMany()
    rows = bounded(
      begun.flatMap((row) => more.map((part) => [...row, ...nots, ...part])).filter((row) => countOf(row) <= most),
    )
  }
  return all
}

/** The row, with the event that it begins with within a time of the one before it. */
function soon(row: Row, withinMs: number): Row {
  const first = row.findIndex(({ kind }) => kind === 'take')
  const bounded = (take: Take): Take => ({ ...take, withinMs: Math.min(take.withinMs, withinMs) })
  return row.map((item, at) => {
    if (first >= 0 && at > first) return item
    if (item.kind === 'take') return bounded(item)
    return item.kind === 'greedy' ? { ...item, take: bounded(item.take) } : item
  })
}

interface Step {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly at: number
}

export interface BruteMatch {
  readonly steps: readonly { readonly name: string; readonly at: number }[]
  /** Where it is complete: the index of an event, or half before the first event that is too late. */
  readonly end: number
}

class BruteForce {
  readonly #tree: PatternTree
  readonly #events: readonly TimedEvent[]
  readonly found = new Map<string, BruteMatch>()

  constructor(tree: PatternTree, events: readonly TimedEvent[]) {
    this.#tree = tree
    this.#events = events
    for (const row of rowsOf(tree.sequence, 'followedBy', [], events.length)) this.#deal(row, [], 0, [], [])
  }

  #time(at: number): number {
    return (this.#events[at] as TimedEvent).timestamp
  }

  #holds(condition: ConditionNode | null, at: number, steps: readonly Step[]): boolean {
    if (condition === null) return true
    const all = (name: string) => steps.filter((step) => step.name === name).map((step) => this.#events[step.at]?.event)
    const context = {
      all,
      first: (name: string) => all(name)[0],
      last: (name: string) => all(name).at(-1),
      timestamp: this.#time(at),
    }
    return compileCondition(condition).test(this.#events[at]?.event, context as never)
  }

  /** Whether a stage could take event `at` as the next one after these steps. */
  #canTake(take: Take, at: number, steps: readonly Step[], nots: readonly StageNode[]): boolean {
    const last = steps.at(-1)
    const isFree = (until: Scope) => !this.#holds(until.until, at, steps)
    if (!this.#holds(take.stage.condition, at, steps) || !take.scopes.every(isFree)) return false
    if (last === undefined) return true
    const start = steps[0] as Step
    if (this.#time(at) - this.#time(start.at) >= (this.#tree.withinMs ?? Number.POSITIVE_INFINITY)) return false
    const stepMs = Math.min(take.withinMs, take.stage.withinMs ?? Number.POSITIVE_INFINITY)
    if (this.#time(at) - this.#time(last.at) >= stepMs) return false
    if (take.join === 'next' && at !== last.at + 1) return false
    for (let between = last.at + 1; between <= at; between++) {
      if (between < at && take.join === 'followedBy' && this.#holds(take.stage.condition, between, steps)) return false
      for (const scope of take.scopes) {
        if (last.scopes.includes(scope) && this.#holds(scope.until, between, steps)) return false
      }
      if (!this.#isAllowed(nots, between, steps)) return false
    }
    return true
  }

  #isAllowed(nots: readonly StageNode[], at: number, steps: readonly Step[]): boolean {
    const last = (steps.at(-1) as Step).at
    return nots.every((not) => (not.join === 'notNext' && at !== last + 1) || !this.#holds(not.condition, at, steps))
  }

  #deal(
    row: Row,
    steps: readonly Step[],
    from: number,
    nots: readonly StageNode[],
    greedy: readonly [Take, readonly StageNode[]][],
  ): void {
    const [item, ...rest] = row
    if (item === undefined) {
      this.#end(steps, nots, greedy)
      return
    }
    if (item.kind === 'not') {
      this.#deal(rest, steps, from, [...nots, item.stage], greedy)
      return
    }
    if (item.kind === 'greedy') {
      this.#deal(rest, steps, from, nots, [...greedy, [item.take, nots]])
      return
    }
    for (let at = from; at < this.#events.length; at++) {
      if (!this.#canTake(item, at, steps, nots)) continue
      // Before the first event there is nothing to wait with: only the event itself may be wanted greedily.
      const first = steps.length === 0 ? at : from
      if (this.#wantedGreedily(greedy, first, at, steps)) continue
      this.#deal(rest, [...steps, { name: item.stage.name, scopes: item.scopes, at }], at + 1, [], [])
    }
  }

  #wantedGreedily(
    greedy: readonly [Take, readonly StageNode[]][],
    from: number,
    to: number,
    steps: readonly Step[],
  ): boolean {
    for (let at = from; at <= to; at++)
      if (greedy.some(([take, nots]) => this.#canTake(take, at, steps, nots))) return true
    return false
  }

  #end(steps: readonly Step[], nots: readonly StageNode[], greedy: readonly [Take, readonly StageNode[]][]): void {
    const last = steps.at(-1)
    if (last === undefined) return
    const next = last.at + 1
    let end = last.at
    if (nots.some(({ join }) => join === 'notFollowedBy')) {
      const stepMs = Math.min(...nots.map(({ withinMs }) => withinMs ?? Number.POSITIVE_INFINITY))
      const untilMs = Math.min(
        this.#time((steps[0] as Step).at) + (this.#tree.withinMs ?? Number.POSITIVE_INFINITY),
        this.#time(last.at) + stepMs,
      )
      let at = next
      for (; at < this.#events.length && this.#time(at) < untilMs; at++) if (!this.#isAllowed(nots, at, steps)) return
      if (this.#wantedGreedily(greedy, next, at - 1, steps)) return
      end = at - 0.5
    } else if (nots.length > 0 || greedy.length > 0) {
      if (next >= this.#events.length) return
      const withinMs = this.#tree.withinMs ?? Number.POSITIVE_INFINITY
      if (this.#time(next) - this.#time((steps[0] as Step).at) >= withinMs) return
      if (!this.#isAllowed(nots, next, steps) || this.#wantedGreedily(greedy, next, next, steps)) return
      end = next
    }
    const plain = steps.map(({ name, at }) => ({ name, at }))
    const key = JSON.stringify(plain)
    // However many ways lead there, it is given once, as soon as one of them is complete.
    this.found.set(key, { steps: plain, end: Math.min(end, this.found.get(key)?.end ?? end) })
  }
}

/** All matches, those that are skipped left out. */
export function bruteForce(tree: PatternTree, events: readonly TimedEvent[]): BruteMatch[] {
  const found = [...new BruteForce(tree, events).found.values()]
  const { afterMatch } = tree
  if (afterMatch === null || afterMatch.kind === 'noSkip') return found
  const order = names(tree.sequence)
  const compare = (a: BruteMatch, b: BruteMatch): number => {
    for (const [at, left] of a.steps.entries()) {
      const right = b.steps[at]
      if (right === undefined) return -1
      const difference = left.at - right.at || order.indexOf(left.name) - order.indexOf(right.name)
      if (difference !== 0) return difference
    }
    return a.steps.length - b.steps.length
  }
  found.sort((a, b) => startOf(a) - startOf(b) || a.end - b.end || compare(a, b))
  const given: BruteMatch[] = []
  for (const match of found) if (!given.some((before) => drops(tree, before, startOf(match)))) given.push(match)
  return given
}

function names(nodes: readonly PatternNode[]): string[] {
  return nodes.flatMap((node) => (node.kind === 'stage' ? [node.name] : names(node.sequence)))
}

function startOf({ steps }: BruteMatch): number {
  return (steps[0] as { at: number }).at
}

function drops({ afterMatch }: PatternTree, match: BruteMatch, start: number): boolean {
  if (afterMatch === null || afterMatch.kind === 'noSkip') return false
  if (afterMatch.kind === 'skipToNext') return start === startOf(match)
  if (afterMatch.kind === 'skipPastLastEvent') return start <= (match.steps.at(-1) as { at: number }).at
  const targets = match.steps.filter(({ name }) => name === afterMatch.stage)
  const target = afterMatch.kind === 'skipToFirst' ? targets[0] : targets.at(-1)
  return target !== undefined && start < target.at
}
