/**
 * A value that is gathered over all tasks in a round, and can be read in the next one. It is named, since it travels between
 * tasks; it is put together in the order of the tasks, so that all of them get the same.
 */
export interface Aggregator<In, Value> {
  readonly name: string
  /** Before anything was added. */
  readonly initial: Value
  /** Gives a new value; the one that it is given stays as it is. */
  add(value: Value, input: In): Value
  merge(left: Value, right: Value): Value
}

/**
 * Aggregators for loops.
 *
 * @example
 * const moved = aggregators.sum('moved')
 * centroids.iterateBulk((centroids, loop) => {
 *   loop.aggregate(moved, steps.map((step) => step.distance))
 *   return steps.map((step) => step.centroid)
 * }, { maxRounds: 50, converged: (round) => round.get(moved) < 1e-6 })
 */
export const aggregators: {
  /** 0 when there was nothing. */
  sum(name: string): Aggregator<number, number>
  /** Infinity when there was nothing. */
  min(name: string): Aggregator<number, number>
  /** Minus infinity when there was nothing. */
  max(name: string): Aggregator<number, number>
  count(name: string): Aggregator<unknown, number>
  custom<In, Value>(name: string, spec: Omit<Aggregator<In, Value>, 'name'>): Aggregator<In, Value>
} = {
  sum: (name) => ({ name, initial: 0, add, merge: add }),
  min: (name) => ({ name, initial: Number.POSITIVE_INFINITY, add: Math.min, merge: Math.min }),
  max: (name) => ({ name, initial: Number.NEGATIVE_INFINITY, add: Math.max, merge: Math.max }),
  count: (name) => ({ name, initial: 0, add: (count) => count + 1, merge: add }),
  custom: (name, { initial, add, merge }) => ({ name, initial, add, merge }),
}

function add(left: number, right: number): number {
  return left + right
}
