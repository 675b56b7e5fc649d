import { match } from '@millrace/cep'
import { type DataStream, json, type Serde } from '@millrace/core'
import { Type } from 'typebox'
import { type Click, patterns } from './patterns.ts'

const whole = Type.Integer()

export const clickSerde: Serde<Click> = json(Type.Object({ user: whole, kind: whole, value: whole, time: whole }))

/** A match: when it was complete, and the times and values of its events, stage by stage. */
export interface Found {
  readonly user: number
  readonly ends: number
  readonly events: readonly number[]
}

export const foundSerde: Serde<Found> = json(
  Type.Object({ user: whole, ends: whole, events: Type.Array(whole) }),
) as unknown as Serde<Found>

/** The matches of a pattern, by its name. */
export function found(clicks: DataStream<Click>, name: string): DataStream<Found> {
  const wanted = patterns[name]
  if (wanted === undefined) throw new Error(`There is no pattern ${name}.`)
  return match(clicks.keyBy('user'), wanted, { uid: 'patterns' }).select((found, { key, timestamp }) => ({
    user: key,
    ends: timestamp,
    events: Object.values(found).flatMap((stage) => stage.flatMap(({ time, value }) => [time, value])),
  }))
}
