import { median, percentile } from '../report/statistics.ts'

/*
 * A virtual machine shares its cores with others: for seconds at a time the same code takes up to twice as long, in a loop that does nothing
 * else too. Whole runs of ten seconds differ by a quarter then, which hides what costs a few percent. So runs are taken apart into
 * steps of some milliseconds, of so many records each.
 */

/** Steps of a process that has just begun, while the engine compiles, are not looked at. */
const WARM_UP = 100
/** The steps with which one is compared, itself in their middle: near enough to run at the same speed. */
const NEIGHBOURS = 9
/** So many percent of the steps are taken for undisturbed by others. */
const UNDISTURBED = 5

/** How long a step takes that nobody disturbs, in ms: what lasts shows here, the barriers themselves do not. */
export function undisturbedStep(runs: readonly (readonly number[])[]): number {
  return percentile(
    runs.flatMap((steps) => steps.slice(WARM_UP)),
    UNDISTURBED,
  )
}

/** The part of a run, in percent, by which single steps took longer than those around them: barriers, garbage collection, waiting. */
export function stalledPercent(run: readonly number[]): number {
  const steps = run.slice(WARM_UP)
  const half = (NEIGHBOURS - 1) / 2
  let stalled = 0
  let total = 0
  for (let at = half; at < steps.length - half; at++) {
    const step = steps[at] as number
    stalled += step - median(steps.slice(at - half, at + half + 1))
    total += step
  }
  return (stalled / total) * 100
}
