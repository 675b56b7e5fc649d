import { keyBytes } from '../../serde/key-codec.ts'
import { keyGroupOf, taskOfKeyGroup } from '../../state/key-group.ts'
import type { OperatorContext } from '../operator.ts'

/** Whether records of the key come to this task. */
export function ownsKey(key: unknown, { index, parallelism, maxParallelism }: OperatorContext): boolean {
  const bytes = keyBytes(key)
  return taskOfKeyGroup(keyGroupOf(bytes, 0, bytes.length, maxParallelism), maxParallelism, parallelism) === index
}
