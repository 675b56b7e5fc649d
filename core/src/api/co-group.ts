import type { Collector } from '../operator/process-function.ts'
import type { Tagged } from '../operator/window/tagged-inputs.ts'
import type { WindowContext, WindowFunction } from '../operator/window/window-function.ts'
import { refuse } from './window-checks.ts'
import type { WindowSpec } from './window-spec.ts'

/** The windows of two streams: the keys are read from tagged records. */
export function coGroupSpec(left: WindowSpec, rightKey: (value: never) => unknown): WindowSpec {
  const { assigner, trigger, evictor, key: leftKey } = left
  const readsRecords = assigner.kind === 'custom' || (assigner.kind === 'session' && typeof assigner.gap === 'function')
  if (readsRecords) {
    throw refuse(
      'window',
      'a join has records of two types, so its windows cannot be told by the record; use a fixed gap',
    )
  }
  if (evictor !== null || trigger !== null) {
    throw refuse(
      'join',
      'the windows of a join fire at their ends and keep all records; trigger and evictor are for one stream',
    )
  }
  if (left.lateTag !== null) {
    throw refuse('lateTo', 'late records of a join are of two types; count them by the metric millrace_records_late')
  }
  if (assigner.kind === 'global') throw refuse('join', `a join needs windows of time, and ${assigner.name} are not`)
  const key = ({ side, value }: Tagged): unknown => (side === 0 ? leftKey : rightKey)(value as never)
  return { ...left, key: key as (value: never) => unknown }
}

export function coGroupFunction(
  onSides: (left: unknown[], right: unknown[], context: WindowContext<unknown>, out: Collector<unknown>) => void,
): WindowFunction<unknown, readonly Tagged[], unknown> {
  return {
    onWindow(records, context, out) {
      const sides: [unknown[], unknown[]] = [[], []]
      for (const { side, value } of records) sides[side].push(value)
      onSides(sides[0], sides[1], context, out)
    },
  }
}
