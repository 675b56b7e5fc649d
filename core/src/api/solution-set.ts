import { GraphError } from '../errors.ts'
import type { Round } from '../operator/loop/round.ts'
import { outputTag } from '../operator/output-tag.ts'
import type { Collector, KeyedContext } from '../operator/process-function.ts'
import type { Serde } from '../serde/serde.ts'
import { type ListDescriptor, listState, type ValueDescriptor, valueState } from '../state/keyed/descriptor.ts'
import { callSite } from './call-site.ts'
import type { DataStream } from './data-stream.ts'
import type { KeyedStream } from './keyed-stream.ts'

/** What a function that meets the solution set sees of it: the value of one key. */
export interface SolutionContext<K, S> {
  readonly key: K
  /** What the solution set holds for the key; undefined when that is nothing. */
  readonly current: S | undefined
  readonly round: Round
  /** Changes what it holds for the key. */
  update(value: S): void
}

export interface CandidateOptions<C> {
  /** How records are kept until the round has ended. @default msgpack() */
  readonly serde?: Serde<C>
  /**
   * Makes one of two records of a key as they come, so that only one of each key is kept: far less is written in each epoch.
   * The function gets that one.
   */
  readonly combine?: (left: C, right: C) => C
}

/** The solution set of a delta iteration: state by key, which the records of one stream of the loop meet. */
export class SolutionSet<K, S> {
  readonly #initial: KeyedStream<K, S>
  readonly #serde: Serde<S>
  #result: DataStream<S> | null = null

  /** @internal */
  constructor(initial: KeyedStream<K, S>, serde: Serde<S>) {
    this.#initial = initial
    this.#serde = serde
  }

  /** Brings all records of a round with one key together with the value of that key, once the round has ended. */
  coGroup<C, Out>(
    candidates: KeyedStream<K, C>,
    meet: (candidates: readonly C[], context: SolutionContext<K, S>, out: Collector<Out>) => void,
    options: CandidateOptions<C> = {},
  ): DataStream<Out> {
    if (options.combine !== undefined) return this.#coGroupCombined(candidates, meet, options.combine, options)
    type State = { readonly solution: ValueDescriptor<S>; readonly candidates: ListDescriptor<C> }
    const tag = this.#tag()
    const joined = this.#initial.connect(candidates).process<Out, State>({
      state: {
        solution: valueState<S>({ serde: this.#serde }),
        candidates: listState<C>(options.serde === undefined ? {} : { serde: options.serde }),
      },
      onLeft: (value, { state }) => state.solution.set(value),
      onRight: (value, { state }) => state.candidates.add(value),
      onRoundEnd(context, out) {
        const { state } = context
        const values = [...state.candidates.get()]
        state.candidates.clear()
        if (values.length > 0) meet(values, seen(context), out)
      },
      onTermination: ({ state, side }) => {
        const value = state.solution.get()
        if (value !== undefined) side(tag, value)
      },
    })
    this.#result = joined.sideOutput(tag)
    return joined
  }

  #coGroupCombined<C, Out>(
    candidates: KeyedStream<K, C>,
    meet: (candidates: readonly C[], context: SolutionContext<K, S>, out: Collector<Out>) => void,
    combine: (left: C, right: C) => C,
    { serde }: CandidateOptions<C>,
  ): DataStream<Out> {
    type State = { readonly solution: ValueDescriptor<S>; readonly combined: ValueDescriptor<C> }
    const tag = this.#tag()
    const joined = this.#initial.connect(candidates).process<Out, State>({
      state: {
        solution: valueState<S>({ serde: this.#serde }),
        combined: valueState<C>(serde === undefined ? {} : { serde }),
      },
      onLeft: (value, { state }) => state.solution.set(value),
      onRight(value, { state }) {
        const before = state.combined.get()
        state.combined.set(before === undefined ? value : combine(before, value))
      },
      onRoundEnd(context, out) {
        const { combined } = context.state
        const value = combined.get()
        combined.clear()
        if (value !== undefined) meet([value], seen(context), out)
      },
      onTermination: ({ state, side }) => {
        const value = state.solution.get()
        if (value !== undefined) side(tag, value)
      },
    })
    this.#result = joined.sideOutput(tag)
    return joined
  }

  /** Brings every record together with the value of its key as it comes. What a record changes, the next one of the key sees. */
  join<C, Out>(
    candidates: KeyedStream<K, C>,
    meet: (candidate: C, context: SolutionContext<K, S>, out: Collector<Out>) => void,
  ): DataStream<Out> {
    type State = { readonly solution: ValueDescriptor<S> }
    const tag = this.#tag()
    const joined = this.#initial.connect(candidates).process<Out, State>({
      state: { solution: valueState<S>({ serde: this.#serde }) },
      onLeft: (value, { state }) => state.solution.set(value),
      onRight: (value, context, out) => meet(value, seen(context), out),
      onTermination: ({ state, side }) => {
        const value = state.solution.get()
        if (value !== undefined) side(tag, value)
      },
    })
    this.#result = joined.sideOutput(tag)
    return joined
  }

  /** @internal */
  result(place: string): DataStream<S> {
    if (this.#result !== null) return this.#result
    throw new GraphError(
      `The loop at ${place} never meets its solution set; bring a stream to it with solution.coGroup or solution.join.`,
    )
  }

  #tag(): ReturnType<typeof outputTag<S>> {
    if (this.#result === null) return outputTag<S>('solution')
    throw new GraphError(
      `At ${callSite()} a second stream meets the solution set; union the streams first, so that one function decides what changes.`,
    )
  }
}

function seen<K, S>({
  key,
  round,
  state,
}: KeyedContext<K, { readonly solution: ValueDescriptor<S> }>): SolutionContext<K, S> {
  return { key, round, current: state.solution.get(), update: (value) => state.solution.set(value) }
}
