import type { EpochMeta } from '../checkpoint/format.ts'
import { LoopRunningError } from '../errors.ts'
import type { StoredHead } from '../operator/loop/loop-head.ts'
import { LOOP_HEAD, LOOP_REPLAY, LOOP_TAIL } from '../operator/loop/loop-spec.ts'
import type { StoredTail } from '../operator/loop/loop-tail.ts'
import type { StoredReplay } from '../operator/loop/replay.ts'
import type { Region } from '../plan/job-graph.ts'
import { roundsUid } from '../runtime/chain.ts'

/**
 * What goes round in a loop is part of a savepoint, as records on their way are. Its rounds are not: tasks may be at different
 * places of one, marks of it lie in repartition topics, and another number of tasks could not go on there.
 *
 * @throws LOOP_RUNNING when a loop of the task goes in rounds, or has gathered what belongs to one
 */
export function refuseRounds(job: string, { nodes }: Region, { operators }: EpochMeta): void {
  for (const { uid, node } of nodes) {
    const stored = operators[roundsUid(uid)]
    if (stored === undefined || !isInRounds(node.type, stored)) continue
    throw new LoopRunningError(
      'The loop goes in rounds or has gathered records for the first one, which a savepoint cannot hold. Take it before the inputs of the loop have ended, or let the job run to its end: it goes on by itself after a stop or a crash, without a savepoint.',
      { where: { job, operator: uid } },
    )
  }
}

function isInRounds(type: string, stored: unknown): boolean {
  switch (type) {
    case LOOP_HEAD:
      return (stored as StoredHead).phase !== 'open' || (stored as StoredHead).isGathering
    case LOOP_TAIL:
      return Object.keys((stored as StoredTail).aggregates).length > 0
    case LOOP_REPLAY:
      return (stored as StoredReplay).next > 0
    default:
      return false
  }
}
