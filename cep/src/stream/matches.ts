import { type Collector, type DataStream, GraphError, type OutputTag, type ProcessContext } from '@millrace/core'
import type { Loose } from '../pattern/match-types.ts'
import type { FoundMatch, KeyTrace, TimedOutMatch } from './results.ts'

/** Takes matches, with the outputs and times of a process function. */
export type MatchProcess<Found, Match, Out> = (
  match: Match,
  context: Found & Pick<ProcessContext, 'side' | 'now' | 'watermark' | 'index'>,
  out: Collector<Out>,
) => void

/** What a pattern finds: matches, and beside them what timed out, what was late, and the trace. */
export class Matches<K, T, Match, Found extends FoundMatch<K, Match> = FoundMatch<K, Match>, Extra = unknown> {
  /** Every match with its key and time, as a stream. */
  readonly found: DataStream<Found>
  /** Partial matches that did not go on in time. */
  readonly timedOut: DataStream<TimedOutMatch<K, Loose<Match>> & Extra>
  /** Events that came when the watermark had passed them; they were not looked at. */
  readonly late: DataStream<T>
  /** What became of the partial matches of those keys that the options name. */
  readonly trace: DataStream<KeyTrace<K> & Extra>

  constructor(
    found: DataStream<Found>,
    tags: {
      readonly timedOut: OutputTag<TimedOutMatch<K, Loose<Match>> & Extra>
      readonly late: OutputTag<T>
      readonly trace: OutputTag<KeyTrace<K> & Extra>
    },
  ) {
    this.found = found
    this.timedOut = found.sideOutput(tags.timedOut)
    this.late = found.sideOutput(tags.late)
    this.trace = found.sideOutput(tags.trace)
  }

  /** One result for each match. */
  select<Out>(select: (match: Match, found: Found) => Out): DataStream<Out> {
    refuseAsync('select', select)
    return this.found.map((found) => select(found.match, found))
  }

  /** Any number of results for each match. */
  flatSelect<Out>(select: (match: Match, found: Found) => Iterable<Out>): DataStream<Out> {
    refuseAsync('flatSelect', select)
    return this.found.flatMap((found) => select(found.match, found))
  }

  /** A function with a collector and side outputs. What it emits has the time of the match, unless it gives another. */
  process<Out>(process: MatchProcess<Found, Match, Out>): DataStream<Out> {
    refuseAsync('process', process)
    return this.found.process({
      onRecord(found, { side, now, watermark, index }, out: Collector<Out>) {
        process(found.match, { ...found, side, now, watermark, index }, out)
      },
    })
  }
}

/** A promise would go down the stream as if it were a result. @throws GRAPH_INVALID */
function refuseAsync(method: string, given: (...args: never[]) => unknown): void {
  if (given.constructor.name !== 'AsyncFunction') return
  throw new GraphError(
    `${method} is given an async function; call found.${method === 'select' ? 'mapAsync' : 'flatMapAsync'} instead.`,
  )
}
