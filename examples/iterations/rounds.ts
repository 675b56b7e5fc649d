import type { Collector, DataStream } from '@millrace/core'

/** A round that has ended at a task. */
export interface RoundEnd {
  readonly task: number
  readonly round: number
}

/** Gets a stream of the rounds of a loop, to show how far it has come. */
export type OnRounds = (rounds: DataStream<RoundEnd>) => void

/** The rounds that a stream of a loop goes through. */
export function roundsOf(stream: DataStream<unknown>): DataStream<RoundEnd> {
  return stream.process({
    onRecord() {},
    onRoundEnd: ({ index, round }, out: Collector<RoundEnd>) => out.emit({ task: index, round: round.number }),
  })
}
