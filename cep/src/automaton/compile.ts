import { createHash } from 'node:crypto'
import { checkPattern, trailingNegatives } from '../pattern/check-pattern.ts'
import { type Condition, type ConditionNode, compileCondition } from '../pattern/condition.ts'
import {
  type Contiguity,
  isNegative,
  isNullable,
  type PatternNode,
  type PatternTree,
  stagesOf,
} from '../pattern/nodes.ts'
import { PatternError } from '../pattern/pattern-error.ts'
import { ALWAYS, type Automaton, type Edge, type End, type Negation, type Position } from './automaton.ts'
import type { Entry, Exit, Fragment, PositionRole } from './fragments.ts'

/** Ways on from a position are bits of an integer, and one is for the end of the match. */
const MOST_WAYS = 30
const FOREVER = Number.POSITIVE_INFINITY

/** @throws PATTERN_INVALID for a pattern that breaks a rule */
export function compilePattern(tree: PatternTree): Automaton {
  checkPattern(tree)
  return new Compiler(tree).compile()
}

class Compiler {
  readonly #tree: PatternTree
  readonly #stages: string[]
  readonly #conditions: Condition[] = []
  readonly #conditionIds = new Map<ConditionNode, number>()
  readonly #positions: Position[] = []
  readonly #roles: PositionRole[] = []
  readonly #starts: Edge[] = []

  constructor(tree: PatternTree) {
    this.#tree = tree
    this.#stages = [...stagesOf(tree.sequence)].filter((node) => !isNegative(node)).map(({ name }) => name)
  }

  compile(): Automaton {
    const { name, withinMs, afterMatch, sequence } = this.#tree
    const { exits } = this.#sequence(sequence, [], [{ from: null, nots: [], yieldsTo: [] }])
    const stepMs = trailingNegatives(sequence).reduce(
      (least, node) => Math.min(least, node.withinMs ?? FOREVER),
      FOREVER,
    )
    for (const exit of exits) this.#end(exit, stepMs)
    setYielding(this.#starts, [])
    for (const position of this.#positions) this.#finish(position)
    const isTimed =
      withinMs !== null ||
      this.#positions.some(({ edges, ends }) => [...edges, ...ends].some((each) => each.withinMs < FOREVER))
    return {
      name,
      stages: this.#stages,
      conditions: this.#conditions,
      positions: this.#positions,
      starts: this.#starts,
      withinMs: withinMs ?? FOREVER,
      afterMatch: afterMatch ?? { kind: 'noSkip' },
      isTimed,
      isAmbiguous: mayRepeatItself(sequence),
      fingerprint: this.#fingerprint(),
    }
  }

  /** One after the other, from these ways out of what stands before; a group's first stage takes the group's contiguity. */
  #sequence(nodes: readonly PatternNode[], untils: readonly number[], before: readonly Exit[] | null): Fragment {
    const entries: Entry[] = []
    // While nothing of the sequence need have been taken, its stages are ways into it.
    let isNullable = true
    let passed: readonly Position[] = []
    let open: readonly Exit[] = before ?? []
    let repetitions: readonly Edge[] = []
    for (const [at, node] of nodes.entries()) {
      if (isNegative(node)) {
        const negation: Negation = { name: node.name, condition: this.#condition(node.condition), kind: node.join }
        open = open.map((exit) => ({ ...exit, nots: [...exit.nots, negation] }))
        if (negation.kind === 'notFollowedBy') for (const edge of repetitions) edge.nots.push(negation)
        continue
      }
      const part = this.#repeated(node, untils)
      const contiguity = node.join === 'begin' ? null : (node.join as Contiguity)
      const passing: Exit[] = []
      for (const exit of open) {
        const edges = this.#connectAll(exit, part.entries, contiguity ?? 'followedBy', node, untils)
        if (part.isNullable) passing.push(yielding(exit, edges, part.passed))
      }
      if (isNullable) {
        for (const entry of part.entries) {
          const joined = entry.contiguity ?? (at === 0 ? null : contiguity)
          entries.push({ ...entry, contiguity: joined, yieldsTo: [...passed, ...entry.yieldsTo] })
        }
        passed = [...passed, ...part.passed]
      }
      isNullable &&= part.isNullable
      open = [...passing, ...part.exits]
      repetitions = part.repetitions
    }
    return { entries, exits: open, isNullable, passed, repetitions: [] }
  }

  /** A stage or group as often as its quantifier says. Where it may come again without bound, the last copy leads to itself. */
  #repeated(node: PatternNode, untils: readonly number[]): Fragment {
    const { max, inner, isOptional } = node.quantifier
    const mayBeEmpty = node.kind === 'group' && node.sequence.every(isNullable)
    // A repetition without an event is none: what may be empty need not come more than once.
    const min = mayBeEmpty ? 1 : node.quantifier.min
    const own = node.until === null ? untils : [...untils, this.#condition(node.until)]
    const copies = max === FOREVER ? min : max
    const repetitions: Edge[] = []
    const repeat = (from: readonly Exit[], to: readonly Entry[]): readonly Exit[] =>
      from.map((exit) => {
        const edges = this.#connectAll(exit, to, inner, node, own)
        repetitions.push(...edges.values())
        return node.quantifier.isGreedy ? yielding(exit, edges, [...edges.keys()]) : exit
      })
    let entries: readonly Entry[] = []
    let passed: readonly Position[] = []
    let reached: readonly Exit[] = []
    const exits: Exit[] = []
    for (let copy = 1; copy <= copies; copy++) {
      const part = this.#once(node, own, copies > 1 || max === FOREVER ? copy : 0)
      if (copy === 1) {
        entries = part.entries
        passed = node.quantifier.isGreedy ? part.entries.map(({ to }) => to) : part.passed
      }
      // What was reached by the repetition before either goes on with this one or, from `min` on, leaves.
      const left = repeat(reached, part.entries)
      if (copy > min) exits.push(...left)
      reached = part.exits
      if (copy === copies) exits.push(...(max === FOREVER ? repeat(reached, part.entries) : reached))
    }
    return {
      entries: entries.map((entry) => ({ ...entry, withinMs: Math.min(entry.withinMs, node.withinMs ?? FOREVER) })),
      exits,
      isNullable: mayBeEmpty || isOptional,
      // An optional group may be left out, whatever its stages could take.
      passed: node.kind === 'group' && isOptional ? [] : passed,
      repetitions: node.kind === 'stage' ? repetitions : [],
    }
  }

  #once(node: PatternNode, untils: readonly number[], copy: number): Fragment {
    if (node.kind === 'group') return this.#sequence(node.sequence, untils, null)
    const position: Position = {
      index: this.#positions.length,
      stage: this.#stages.indexOf(node.name),
      label: copy === 0 ? node.name : `${node.name}#${copy}`,
      condition: this.#condition(node.condition),
      edges: [],
      ends: [],
      looksAtNext: false,
    }
    this.#positions.push(position)
    this.#roles.push({ node, untils })
    return {
      entries: [{ to: position, contiguity: null, withinMs: FOREVER, yieldsTo: [] }],
      exits: [{ from: position, nots: [], yieldsTo: [] }],
      isNullable: false,
      passed: [],
      repetitions: [],
    }
  }

  /**
   * `untils` are of the loops that go on over the edge. The others around the entered position begin with it, even if they were
   * left by the same edge: a loop around them repeats them.
   */
  #connectAll(
    exit: Exit,
    entries: readonly Entry[],
    contiguity: Contiguity,
    node: PatternNode,
    untils: readonly number[],
  ): Map<Position, Edge> {
    const edges = new Map<Position, Edge>()
    for (const entry of entries) {
      edges.set(entry.to, this.#connect(yielding(exit, edges, entry.yieldsTo), entry, contiguity, node, untils))
    }
    return edges
  }

  /** Gives the edge, new or the one that takes the same events already. */
  #connect(
    { from, nots, yieldsTo }: Exit,
    entry: Entry,
    contiguity: Contiguity,
    node: PatternNode,
    untils: readonly number[],
  ): Edge {
    const role = this.#roles[entry.to.index] as PositionRole
    const edges = from === null ? this.#starts : from.edges
    const edge: Edge = {
      to: entry.to,
      contiguity: entry.contiguity ?? contiguity,
      nots: [...nots],
      untils,
      // Those around a loop come before its own.
      blocks: role.untils.slice(untils.length),
      withinMs:
        from === null ? FOREVER : Math.min(entry.withinMs, node.withinMs ?? FOREVER, role.node.withinMs ?? FOREVER),
      yieldsTo,
      yielding: 0,
      alternatives: 0,
    }
    const known = edges.find((other) => isSameEdge(other, edge))
    if (known !== undefined) return known
    edges.push(edge)
    return edge
  }

  #end({ from, nots, yieldsTo }: Exit, stepMs: number): void {
    if (from === null) return
    const waitsForTime = nots.some(({ kind }) => kind === 'notFollowedBy')
    if (waitsForTime && this.#tree.withinMs === null && stepMs === FOREVER) {
      const text = 'it can end with notFollowedBy and has no within: it could never be said that no such event came'
      throw new PatternError(this.#tree.name, 'open-ended-negative', text)
    }
    const waitsForNext = nots.length > 0 || yieldsTo.length > 0
    const when: End['when'] = waitsForTime ? 'time' : waitsForNext ? 'next' : 'now'
    from.ends.push({ nots, yieldsTo, withinMs: waitsForTime ? stepMs : FOREVER, when })
  }

  #finish(position: Position): void {
    const { edges, ends } = position
    // A match that is given at once need not be waited for in another way.
    const atOnce = ends.find(({ when }) => when === 'now')
    if (atOnce !== undefined) ends.splice(0, ends.length, atOnce)
    if (edges.length + ends.length > MOST_WAYS) {
      const text = `after '${position.label}' there are ${edges.length + ends.length} ways on, and at most ${MOST_WAYS} are possible; let fewer stages in a row be optional`
      throw new PatternError(this.#tree.name, 'too-many-ways', text)
    }
    setYielding(edges, ends)
    for (const [at, edge] of edges.entries()) {
      for (const [before, { to }] of edges.slice(0, at).entries()) if (to === edge.to) edge.alternatives |= 1 << before
    }
    const nots = [...edges, ...ends].flatMap((each) => each.nots)
    position.looksAtNext = ends.some(({ when }) => when === 'next') || nots.some(({ kind }) => kind === 'notNext')
  }

  #condition(node: ConditionNode | null): number {
    if (node === null) return ALWAYS
    const known = this.#conditionIds.get(node)
    if (known !== undefined) return known
    const id = this.#conditions.push(compileCondition(node)) - 1
    this.#conditionIds.set(node, id)
    return id
  }

  #fingerprint(): string {
    const edge = ({ to, contiguity, nots, withinMs, yielding }: Edge): unknown => [
      to.index,
      contiguity,
      nots.map(({ name, kind }) => [name, kind]),
      withinMs,
      yielding,
    ]
    const structure = [
      this.#stages,
      this.#starts.map(edge),
      this.#positions.map(({ stage, edges, ends }) => [
        stage,
        edges.map(edge),
        ends.map(({ when, withinMs, nots }) => [when, withinMs, nots.map(({ name, kind }) => [name, kind])]),
      ]),
      this.#tree.withinMs,
      this.#tree.afterMatch,
    ]
    return createHash('sha256').update(JSON.stringify(structure)).digest('hex').slice(0, 12)
  }
}

function isSameEdge(a: Edge, b: Edge): boolean {
  return (
    a.to === b.to &&
    a.contiguity === b.contiguity &&
    a.withinMs === b.withinMs &&
    String(a.untils) === String(b.untils) &&
    String(a.blocks) === String(b.blocks) &&
    isSame(a.nots, b.nots) &&
    isSame(a.yieldsTo, b.yieldsTo)
  )
}

function isSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((each, at) => each === b[at])
}

/** The exit, for what leaves the edges to these positions behind. */
function yielding(exit: Exit, edges: ReadonlyMap<Position, Edge>, to: readonly Position[]): Exit {
  if (to.length === 0) return exit
  return { ...exit, yieldsTo: [...exit.yieldsTo, ...to.map((position) => edges.get(position) as Edge)] }
}

function setYielding(edges: readonly Edge[], ends: readonly End[]): void {
  for (const [at, { yieldsTo }] of [...edges, ...ends].entries()) for (const edge of yieldsTo) edge.yielding |= 1 << at
}

/** A loop around something that loops or may be left out: the same events can be dealt to repetitions in several ways. */
function mayRepeatItself(nodes: readonly PatternNode[]): boolean {
  return nodes.some((node) => {
    if (node.kind === 'stage') return false
    if (mayRepeatItself(node.sequence)) return true
    const isFree = (inner: PatternNode): boolean =>
      inner.quantifier.max > 1 || inner.quantifier.isOptional || (inner.kind === 'group' && inner.sequence.some(isFree))
    return node.quantifier.max > 1 && node.sequence.some(isFree)
  })
}
