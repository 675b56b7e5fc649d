import { Random } from '@millrace/core/testing'

export const faultKinds = ['kill', 'freeze', 'add', 'remove', 'restart-kafka', 'restart-redis'] as const
export type FaultKind = (typeof faultKinds)[number]

export interface Fault {
  /** From the start of the load, in ms. */
  readonly atMs: number
  readonly kind: FaultKind
}

/**
 * When to do what: every kind once, in an order of the seed's, then at random until the time is over. The same seed gives
 * the same schedule.
 */
export function makeSchedule(seed: number, durationMs: number, betweenMs: number): Fault[] {
  const random = new Random(seed)
  const first = random.shuffle(faultKinds)
  const faults: Fault[] = []
  for (
    let atMs = betweenMs;
    atMs < durationMs - betweenMs / 2;
    atMs += random.between(betweenMs * 0.75, betweenMs * 1.25)
  ) {
    faults.push({ atMs: Math.round(atMs), kind: first[faults.length] ?? random.pick(faultKinds) })
  }
  return faults
}
