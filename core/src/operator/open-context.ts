import type { OperatorContext } from './operator.ts'
import type { OpenContext } from './process-function.ts'

/** What a function is told before the first record. */
export function openContext({
  job,
  uid,
  name,
  index,
  parallelism,
  maxParallelism,
  attempt,
  metrics,
  logger,
  clock,
}: OperatorContext): OpenContext {
  return { job, uid, name, index, parallelism, maxParallelism, attempt, metrics, logger, now: () => clock.now() }
}
