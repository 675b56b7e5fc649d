import { type Environment, json, type Serde, watermarks } from '@millrace/core'
import { type EventOf, eventSerde, eventTime, type Fields } from './events.ts'
import { type QueryName, queries, type Row, WATERMARK_DELAY } from './queries/index.ts'

export interface QueryPlan {
  readonly query: QueryName
  readonly input: string
  readonly output: string
  readonly bounded: boolean
  /** How much later than their successors events may come. @default '4s' */
  readonly delay?: '4s' | 0
  /** Called with every event that is read. */
  readonly onEvent?: () => void
}

/** A query from topic to topic. */
export function buildQuery(
  env: Environment,
  { query, input, output, bounded, delay = WATERMARK_DELAY, onEvent = () => {} }: QueryPlan,
): void {
  const definition = queries[query]
  const time = watermarks.bounded<EventOf<Fields>>(delay, (event) => {
    onEvent()
    return eventTime(event)
  })
  const events = env.topic(input, eventSerde(definition.fields), { time, bounded })
  const options = definition.key === undefined ? {} : { key: (row: Row) => definition.key?.(row) ?? null }
  definition.build(events).toTopic(output, json(definition.row) as unknown as Serde<Row>, options)
}
