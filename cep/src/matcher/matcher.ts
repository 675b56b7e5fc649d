import { StreamError, UserFunctionError } from '@millrace/core'
import { ALWAYS, type Automaton, type Edge, type End, type Negation, type Position } from '../automaton/automaton.ts'
import type { Condition } from '../pattern/condition.ts'
import type { AnyMatch } from '../pattern/match-types.ts'
import { ConditionContext } from './condition-context.ts'
import { endsByTime, isDue, openAt, setDeadline } from './deadlines.ts'
import type { Dewey } from './dewey.ts'
import { compareTaken, matchOf, type Taken, takenBy } from './matched-events.ts'
import { type HeldMatch, PartialMatch, type PartialMatches } from './partial-matches.ts'
import { BufferedEvent, BufferNode } from './shared-buffer.ts'
import { droppedBy } from './skip.ts'
import type { TraceEntry, Tracer } from './trace.ts'

const FOREVER = Number.POSITIVE_INFINITY

/** What a matcher finds; the same object is used for every call. */
export interface Findings {
  /** A match, at the time of the event, or of the time-out, that completed it. */
  onMatch(match: AnyMatch, timestamp: number): void
  /** A partial match for which the time has run out. */
  onTimeout(match: AnyMatch, timestamp: number): void
  /** A partial match that was not kept because its key has too many. */
  onDropped(): void
}

export interface MatcherLimits {
  readonly maxPartialMatches: number
  readonly onLimit: 'error' | 'drop'
}

export const noLimits: MatcherLimits = { maxPartialMatches: FOREVER, onLimit: 'error' }

/**
 * Runs the automaton of a pattern over the events of keys, one key at a time: pure, and without state of its own between two
 * calls. An event that begins nothing and meets no partial match costs the conditions of the first stage, and no allocation.
 */
export class Matcher {
  readonly automaton: Automaton
  readonly #limits: MatcherLimits
  readonly #context: ConditionContext
  readonly #isSkipping: boolean
  /** Answers of conditions that look at the event only, and the event they are for. */
  readonly #answers: boolean[]
  readonly #answeredFor: number[]
  #asked = 0
  // Of the event that is being looked at.
  #matches!: PartialMatches
  #findings!: Findings
  #event: unknown = undefined
  #timestamp = 0
  #buffered: BufferedEvent | null = null
  readonly #nodes: (BufferNode | null)[]
  #hasNodes = false
  #completed: HeldMatch[] = []
  #tracer: Tracer | null = null

  constructor(automaton: Automaton, limits: MatcherLimits = noLimits) {
    this.automaton = automaton
    this.#limits = limits
    this.#context = new ConditionContext(automaton)
    this.#isSkipping = automaton.afterMatch.kind !== 'noSkip'
    this.#answers = automaton.conditions.map(() => false)
    this.#answeredFor = automaton.conditions.map(() => -1)
    this.#nodes = automaton.positions.map(() => null)
  }

  /**
   * Looks at the next event of a key; events come in the order of their timestamps. `matches` is null where nothing is kept of
   * the key; `create` is called when that changes. Says whether anything that is kept has changed.
   */
  onEvent(
    matches: PartialMatches | null,
    create: () => PartialMatches,
    event: unknown,
    timestamp: number,
    findings: Findings,
    tracer: Tracer | null = null,
  ): boolean {
    this.#findings = findings
    this.#tracer = tracer
    // Whoever was given a match may have thrown, and be given it again.
    if (this.#hasNodes) this.#forgetNodes()
    if (this.#completed.length > 0) this.#completed = []
    let hasChanged = false
    if (matches !== null) {
      this.#matches = matches
      if (matches.deadlineMs <= timestamp) {
        this.#expireUpTo(timestamp)
        hasChanged = true
      }
    }
    this.#asked++
    this.#event = event
    this.#timestamp = timestamp
    this.#context.timestamp = timestamp
    if (matches !== null) {
      matches.sequence++
      if (matches.runs.length > 0 && this.#advance()) hasChanged = true
    }
    if (this.#start(matches, create)) hasChanged = true
    if (this.#hasNodes) this.#forgetNodes()
    if (!hasChanged) return false
    if (this.#completed.length > 0) this.#hold()
    // What was held back may be free now that others have died.
    if (this.#isSkipping) this.#giveHeld(timestamp)
    const { runs, held } = this.#matches
    if (runs.length + held.length > this.#limits.maxPartialMatches) this.#makeRoom()
    return true
  }

  /** Lets time pass without an event: whatever had to come before, or at, this time has not come. */
  onTime(matches: PartialMatches, timestamp: number, findings: Findings, tracer: Tracer | null = null): boolean {
    if (matches.deadlineMs > timestamp) return false
    this.#matches = matches
    this.#findings = findings
    this.#tracer = tracer
    this.#event = null
    this.#expireUpTo(timestamp)
    return true
  }

  /** No event and no time will come any more: what was held back is given, whatever has not ended. */
  onEnd(matches: PartialMatches, lastMs: number, findings: Findings): void {
    this.#matches = matches
    this.#findings = findings
    this.#tracer = null
    for (const run of matches.runs) matches.buffer.release(run.node, run.version)
    matches.runs = []
    this.#findDeadline()
    this.#giveHeld(lastMs)
  }

  #forgetNodes(): void {
    this.#nodes.fill(null)
    this.#hasNodes = false
    this.#buffered = null
  }

  // Starting

  #start(matches: PartialMatches | null, create: () => PartialMatches): boolean {
    const { starts } = this.automaton
    let hasStarted = false
    let yielding = 0
    for (let at = 0; at < starts.length; at++) {
      const edge = starts[at] as Edge
      if ((yielding & (1 << at)) !== 0) continue
      if (!this.#holds(edge.to.condition, null) || this.#holdsAny(edge.blocks, null)) continue
      if (!hasStarted) {
        hasStarted = true
        if (matches === null) this.#matches = create()
      }
      this.#take(null, edge)
      yielding |= edge.yielding
    }
    return hasStarted
  }

  // Going on

  /** Asks every partial match what the event is to it; says whether anything that is stored has changed. */
  #advance(): boolean {
    const { runs } = this.#matches
    const before = runs.length
    let hasChanged = false
    let kept = 0
    for (let at = 0; at < before; at++) {
      const run = runs[at] as PartialMatch
      const openBefore = run.open
      const wasFresh = run.isFresh
      const versionBefore = run.version
      const open = this.#step(run)
      if (open !== openBefore || wasFresh !== run.isFresh || versionBefore !== run.version) hasChanged = true
      if (open === 0) {
        this.#matches.buffer.release(run.node, run.version)
        continue
      }
      if (open !== openBefore) {
        run.open = open
        setDeadline(this.automaton, run)
      }
      runs[kept++] = run
    }
    if (kept < before) {
      // Behind them are those that have grown out of them with this event.
      for (let at = before; at < runs.length; at++) runs[kept++] = runs[at] as PartialMatch
      runs.length = kept
    }
    if (hasChanged && this.automaton.isTimed) this.#findDeadline()
    return hasChanged
  }

  #findDeadline(): void {
    const matches = this.#matches
    let deadlineMs = FOREVER
    for (let at = 0; at < matches.runs.length; at++) {
      deadlineMs = Math.min(deadlineMs, (matches.runs[at] as PartialMatch).deadlineMs)
    }
    matches.deadlineMs = deadlineMs
  }

  /** What of a partial match is still open after the event. */
  #step(run: PartialMatch): number {
    const position = this.automaton.positions[run.node.position] as Position
    const { edges, ends } = position
    const isNext = run.isFresh
    if (position.looksAtNext) run.isFresh = false
    let open = run.open
    let taken = 0
    for (let at = 0; at < edges.length; at++) {
      const bit = 1 << at
      if ((open & bit) === 0) continue
      const edge = edges[at] as Edge
      if (this.#isForbidden(edge.nots, isNext, run) || this.#holdsAny(edge.untils, run)) {
        open &= ~bit
        continue
      }
      const fits = this.#holds(edge.to.condition, run)
      if (fits && !this.#holdsAny(edge.blocks, run)) {
        if ((taken & edge.alternatives) === 0) this.#take(run, edge)
        taken |= bit
        // What leaves the loop behind would have needed the event that the loop took.
        open &= ~edge.yielding
      }
      if (edge.contiguity === 'next' || (fits && edge.contiguity === 'followedBy')) open &= ~bit
    }
    for (let at = 0; at < ends.length; at++) {
      const bit = 1 << (edges.length + at)
      if ((open & bit) !== 0 && this.#isOver(run, ends[at] as End, isNext)) open &= ~bit
    }
    if (this.#tracer !== null) this.#traceStep(run, position, open, taken, isNext)
    return open
  }

  /** Whether the match cannot end in this way any more, be it that it has ended. */
  #isOver(run: PartialMatch, end: End, isNext: boolean): boolean {
    if (this.#isForbidden(end.nots, isNext, run)) return true
    if (end.when !== 'next') return run.isGiven
    if (!run.isGiven) this.#complete(run.node, run.version, run.startSequence)
    run.isGiven = true
    return true
  }

  /** A partial match, or none yet, takes the event along an edge. */
  #take(run: PartialMatch | null, edge: Edge): void {
    const position = edge.to
    const matches = this.#matches
    const endsHere = position.ends.length > 0 && (position.ends[0] as End).when === 'now'
    if (
      endsHere &&
      position.edges.length === 0 &&
      !this.#isSkipping &&
      this.#tracer === null &&
      !this.automaton.isAmbiguous
    ) {
      this.#giveAtOnce(run, position)
      return
    }
    const version = run === null ? matches.nextStart() : run.version
    const node = this.#nodeAt(position)
    matches.buffer.link(node, version, run === null ? null : run.node)
    const child = new PartialMatch(
      node,
      version.child(),
      (1 << (position.edges.length + (endsHere ? 0 : position.ends.length))) - 1,
      position.looksAtNext,
      run === null ? this.#timestamp : run.startTimestamp,
      run === null ? matches.sequence : run.startSequence,
    )
    if (run !== null) run.version = version.next()
    if (this.#tracer !== null) this.#traceTake(run, version, position)
    matches.buffer.hold(node, child.version)
    if (endsHere) {
      child.isGiven = true
      this.#complete(node, child.version, child.startSequence)
    }
    if (child.open === 0) {
      matches.buffer.release(node, child.version)
      return
    }
    setDeadline(this.automaton, child)
    if (child.deadlineMs < matches.deadlineMs) matches.deadlineMs = child.deadlineMs
    matches.runs.push(child)
  }

  /** A match that nothing can grow out of: it is given without going through the buffer. */
  #giveAtOnce(run: PartialMatch | null, position: Position): void {
    const event = new BufferedEvent(this.#event, this.#timestamp, 0)
    const taken = run === null ? [] : takenBy(this.automaton, run.node, run.version)
    taken.push({ stage: position.stage, event })
    this.#findings.onMatch(matchOf(this.automaton, taken), this.#timestamp)
  }

  #nodeAt(position: Position): BufferNode {
    let node = this.#nodes[position.index] as BufferNode | null
    if (node === null) {
      this.#buffered ??= new BufferedEvent(this.#event, this.#timestamp, this.#matches.sequence)
      node = new BufferNode(position.index, this.#buffered)
      this.#nodes[position.index] = node
      this.#hasNodes = true
    }
    return node
  }

  /** Drops the newest partial matches of a key that has too many, or fails. */
  #makeRoom(): void {
    const { maxPartialMatches, onLimit } = this.#limits
    if (onLimit === 'error') {
      throw new StreamError(
        'PARTIAL_MATCHES_EXCEEDED',
        `A key has more than ${maxPartialMatches} partial matches of pattern '${this.automaton.name}'.`,
      )
    }
    const { runs, held, buffer } = this.#matches
    while (runs.length > 0 && runs.length + held.length > maxPartialMatches) {
      const run = runs.pop() as PartialMatch
      if (this.#tracer !== null) this.#trace('dropped', run, `the key has ${maxPartialMatches} partial matches already`)
      buffer.release(run.node, run.version)
      this.#findings.onDropped()
    }
    if (this.automaton.isTimed) this.#findDeadline()
  }

  // Time

  /** Closes what had to come by then, in the order of the deadlines. */
  #expireUpTo(timestamp: number): void {
    const matches = this.#matches
    while (matches.deadlineMs <= timestamp && matches.deadlineMs < FOREVER) {
      // A match may drop what would time out later, so there it goes step by step.
      const untilMs = this.#isSkipping ? matches.deadlineMs : timestamp
      const due = matches.runs.filter((run) => isDue(this.automaton, run, untilMs))
      due.sort((a, b) => a.deadlineMs - b.deadlineMs)
      for (const [at, run] of due.entries()) {
        const { deadlineMs } = run
        this.#expire(run, deadlineMs)
        // Those that are complete at the same time are put in order.
        if (this.#completed.length > 0 && due[at + 1]?.deadlineMs !== deadlineMs) this.#hold()
      }
      matches.runs = matches.runs.filter((run) => run.open !== 0)
      if (this.#isSkipping) this.#giveHeld(untilMs)
      this.#findDeadline()
    }
  }

  #expire(run: PartialMatch, nowMs: number): void {
    const open = openAt(this.automaton, run, nowMs)
    if (endsByTime(this.automaton, run, open)) {
      this.#timestamp = nowMs
      this.#complete(run.node, run.version, run.startSequence)
      run.isGiven = true
    }
    run.open = open
    if (open !== 0) {
      setDeadline(this.automaton, run)
      return
    }
    if (!run.isGiven) {
      if (this.#tracer !== null) {
        this.#timestamp = nowMs
        const { label } = this.automaton.positions[run.node.position] as Position
        this.#trace('timed-out', run, `nothing that '${label}' waits for came in time`)
      }
      this.#findings.onTimeout(matchOf(this.automaton, takenBy(this.automaton, run.node, run.version)), nowMs)
    }
    this.#matches.buffer.release(run.node, run.version)
  }

  // Matches

  #complete(node: BufferNode, version: Dewey, startSequence: number): void {
    this.#matches.buffer.hold(node, version)
    // The version is kept as it is now: what has grown out of the partial match is no part of this one.
    this.#completed.push({ node, version, startSequence })
    if (this.#tracer !== null) {
      const last = this.automaton.positions[node.position] as Position
      this.#tracer({
        pattern: this.automaton.name,
        partial: String(version),
        what: 'matched',
        timestamp: this.#timestamp,
        event: this.#event,
        at: last.label,
        why: 'the pattern is complete',
      })
    }
  }

  /** Gives the matches of this event, or keeps them until those that began earlier are known. */
  #hold(): void {
    const found = this.#completed
    this.#completed = []
    const { automaton } = this
    const matches = this.#matches
    if (!this.#isSkipping && !automaton.isAmbiguous) {
      for (const each of found) {
        this.#findings.onMatch(matchOf(automaton, takenBy(automaton, each.node, each.version)), this.#timestamp)
        matches.buffer.release(each.node, each.version)
      }
      return
    }
    const sorted = found
      .map((held) => ({ held, taken: takenBy(automaton, held.node, held.version) }))
      .sort((a, b) => compareTaken(a.taken, b.taken))
    for (const [at, { held, taken }] of sorted.entries()) {
      const before = sorted[at - 1]
      const isSame = before !== undefined && compareTaken(before.taken, taken) === 0
      if (!isSame && !this.#isSkipping) this.#findings.onMatch(matchOf(automaton, taken), this.#timestamp)
      if (isSame || !this.#isSkipping) matches.buffer.release(held.node, held.version)
      else matches.held.push(held)
    }
    matches.held.sort((a, b) => a.startSequence - b.startSequence)
  }

  /** Gives the matches that no partial match which began earlier can take the place of any more. */
  #giveHeld(timestamp: number): void {
    const matches = this.#matches
    while (matches.held.length > 0) {
      const held = matches.held[0] as HeldMatch
      if (matches.runs.some((run) => run.startSequence < held.startSequence)) return
      matches.held.shift()
      const taken = takenBy(this.automaton, held.node, held.version)
      const { from, only } = droppedBy(this.automaton, taken)
      const stays = (each: PartialMatch | HeldMatch): boolean => {
        if (each.startSequence >= from && each.startSequence !== only) return true
        if (this.#tracer !== null && each instanceof PartialMatch) {
          this.#trace('skipped', each, `a match was given, and after that ${this.automaton.afterMatch.kind} holds`)
        }
        matches.buffer.release(each.node, each.version)
        return false
      }
      matches.runs = matches.runs.filter(stays)
      matches.held = matches.held.filter(stays)
      if (this.automaton.isTimed) this.#findDeadline()
      const lastMs = (taken.at(-1) as Taken).event.timestamp
      this.#findings.onMatch(matchOf(this.automaton, taken), Math.max(timestamp, lastMs))
      matches.buffer.release(held.node, held.version)
    }
  }

  // Conditions

  #isForbidden(nots: readonly Negation[], isNext: boolean, run: PartialMatch): boolean {
    for (let at = 0; at < nots.length; at++) {
      const { kind, condition } = nots[at] as Negation
      if ((kind === 'notFollowedBy' || isNext) && this.#holds(condition, run)) return true
    }
    return false
  }

  #holdsAny(conditions: readonly number[], run: PartialMatch | null): boolean {
    for (let at = 0; at < conditions.length; at++) if (this.#holds(conditions[at] as number, run)) return true
    return false
  }

  #holds(id: number, run: PartialMatch | null): boolean {
    if (id === ALWAYS) return true
    const condition = this.automaton.conditions[id] as Condition
    if (!condition.isIterative) {
      if (this.#answeredFor[id] !== this.#asked) {
        this.#answeredFor[id] = this.#asked
        this.#answers[id] = this.#ask(condition)
      }
      return this.#answers[id] as boolean
    }
    this.#context.show(run === null ? null : run.node, run === null ? null : run.version)
    return this.#ask(condition)
  }

  #ask(condition: Condition): boolean {
    try {
      return condition.test(this.#event, this.#context as never)
    } catch (cause) {
      const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
      throw new UserFunctionError(`A condition of pattern '${this.automaton.name}' (${condition.text}) threw ${text}`, {
        cause,
      })
    }
  }

  // Tracing

  #trace(what: TraceEntry['what'], run: PartialMatch | null, why: string): void {
    const position = run === null ? null : (this.automaton.positions[run.node.position] as Position)
    this.#tracer?.({
      pattern: this.automaton.name,
      partial: run === null ? '' : String(run.version),
      what,
      timestamp: this.#timestamp,
      event: this.#event,
      at: position?.label ?? null,
      why,
    })
  }

  #traceTake(run: PartialMatch | null, version: Dewey, position: Position): void {
    const what = run === null ? 'started' : version.digit > 0 ? 'branched' : 'advanced'
    const from = run === null ? null : (this.automaton.positions[run.node.position] as Position).label
    this.#tracer?.({
      pattern: this.automaton.name,
      partial: String(version),
      what,
      timestamp: this.#timestamp,
      event: this.#event,
      at: from,
      why: `'${position.label}' takes the event`,
    })
  }

  #traceStep(run: PartialMatch, position: Position, open: number, taken: number, isNext: boolean): void {
    if (open !== 0 || taken !== 0 || run.isGiven) return
    const waits = position.edges.filter((_, at) => (run.open & (1 << at)) !== 0)
    const nots = [...waits, ...position.ends].flatMap((each) => each.nots)
    const forbidden = nots.find(
      ({ kind, condition }) => (kind === 'notFollowedBy' || isNext) && this.#holds(condition, run),
    )
    const why =
      forbidden !== undefined
        ? `the event is '${forbidden.name}', which must not come`
        : waits.some((edge) => this.#holdsAny(edge.untils, run))
          ? `until holds for the event, so the loop at '${position.label}' is over`
          : `the event is not ${waits.map(({ to }) => `'${to.label}'`).join(' or ')}, which must come next`
    this.#trace('died', run, why)
  }
}
