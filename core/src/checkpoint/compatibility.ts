import { StateIncompatibleError } from '../errors.ts'
import type { StateCatalogEntry } from '../operator/operator.ts'
import type { EpochMeta } from './format.ts'
import { formatDifference } from './format-change.ts'

export interface StateShape {
  readonly parallelism: number
  readonly maxParallelism: number
  readonly catalog: readonly StateCatalogEntry[]
}

/** Every way in which stored state does not fit the operators that are to use it; empty when it fits. */
export function stateDifferences(stored: EpochMeta, wanted: StateShape): string[] {
  const differences: string[] = []
  if (stored.maxParallelism !== wanted.maxParallelism) {
    differences.push(`maxParallelism was ${stored.maxParallelism} and is now ${wanted.maxParallelism}`)
  }
  if (stored.parallelism !== wanted.parallelism) {
    differences.push(
      `the region ran with ${stored.parallelism} tasks and now has ${wanted.parallelism}; take a savepoint to change it`,
    )
  }
  const now = new Map(wanted.catalog.map((entry) => [entry.state, entry]))
  for (const before of stored.catalog) {
    const entry = now.get(before.state)
    if (entry === undefined) {
      differences.push(`state ${before.state} is stored, but no operator of the job has it`)
    } else if (entry.kind !== before.kind) {
      differences.push(`state ${before.state} was a ${before.kind} state and is now a ${entry.kind} state`)
    } else {
      const difference = formatDifference(before.format, entry.format)
      if (difference !== null) differences.push(`state ${before.state} ${difference}`)
    }
  }
  return differences
}

/** @throws STATE_INCOMPATIBLE naming every difference */
export function checkStateFits(stored: EpochMeta, wanted: StateShape, where: { job: string; task: string }): void {
  const differences = stateDifferences(stored, wanted)
  if (differences.length === 0) return
  throw new StateIncompatibleError(
    `The stored state does not fit this version of the job:\n  - ${differences.join('\n  - ')}\n` +
      'Keep the uids, state names and serdes of the former version, or clear the state of the job.',
    differences,
    { where },
  )
}
