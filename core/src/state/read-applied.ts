import { StreamError } from '../errors.ts'
import { type Clock, sleep } from '../time/clock.ts'
import type { AppliedEntries, TaskAddress } from './backend.ts'
import { taskName } from './task-name.ts'

const RETRY_MS = 5
const PATIENCE_MS = 30_000

/**
 * Reads between two epochs: while one is being applied, keys of it would be seen in part. `attempt` says 'applying' then.
 *
 * @throws STATE_BACKEND_FAILED when that does not end: the worker that applied it is gone, and no other has taken over
 */
export async function readApplied(
  attempt: () => Promise<AppliedEntries | 'applying' | null>,
  clock: Clock,
  address: TaskAddress,
): Promise<AppliedEntries | null> {
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += RETRY_MS) {
    const found = await attempt()
    if (found !== 'applying') return found
    await sleep(clock, RETRY_MS)
  }
  throw new StreamError(
    'STATE_BACKEND_FAILED',
    `An epoch has been half applied for ${PATIENCE_MS / 1_000} s: its worker is gone, and the state can be read when another one runs the task.`,
    { where: { job: address.job, task: taskName(address) } },
  )
}
