import { GatherSessionsOperator } from '../operator/window/gather/gather-sessions.ts'
import { GatherSlicesOperator } from '../operator/window/gather/gather-slices.ts'
import { type PartialAggregate, partialSerde } from '../operator/window/gather/partial-aggregate.ts'
import type { PaneContents } from '../operator/window/pane-contents.ts'
import type { Combiner } from '../plan/logical-graph.ts'
import type { Serde } from '../serde/serde.ts'
import type { WindowSpec } from './window-spec.ts'

/**
 * How the records of these windows can be gathered before they travel; null where they are needed one by one: when a trigger decides
 * record by record, when late ones go to an output of their own, when windows have no time, when accumulators cannot be merged.
 */
export function combinerOf(spec: WindowSpec, contents: PaneContents): Combiner | null {
  const { key, assigner, trigger, lateTag } = spec
  if (contents.kind !== 'accumulator' || contents.merge === null || trigger !== null || lateTag !== null) return null
  if (assigner.kind === 'global' || assigner.kind === 'custom' || assigner.domain !== 'event') return null
  return {
    gather: () =>
      assigner.kind === 'session'
        ? new GatherSessionsOperator(key, assigner, contents)
        : new GatherSlicesOperator(key, assigner, contents),
    key: (value) => (value as PartialAggregate).key,
    value: partialSerde(contents.serde) as Serde<unknown>,
  }
}
