import type { TaskAddress } from './backend.ts'

/** `region/index`, for messages and as a name within the job. */
export function taskName(address: TaskAddress): string {
  return `${address.region}/${address.index}`
}
