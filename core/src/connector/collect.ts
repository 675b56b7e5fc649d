import type { Sink } from './sink.ts'

/** Where collected records go: an array, or anything else with `push`. */
export interface CollectTarget<T> {
  push(value: T): unknown
}

interface Collected<T> {
  readonly id: string
  readonly values: readonly T[]
}

/** What each target has been given, so that an epoch that is published again after a restart is given once. */
const given = new WeakMap<object, Set<string>>()
let batches = 0

/**
 * Hands committed records to an object of this process, exactly once within the process's life: records appear when
 * their epoch is committed.
 */
export function collectSink<T>(target: CollectTarget<T>): Sink<T, Collected<T>> {
  return {
    name: 'collect',
    guarantee: 'two-phase',
    isThreadBound: true,
    async open() {
      let values: T[] = []
      return {
        write(value) {
          values.push(value)
        },
        async flush() {},
        async prepareCommit() {
          if (values.length === 0) return []
          const batch = { id: `${process.pid}-${performance.timeOrigin}-${batches++}`, values }
          values = []
          return [batch]
        },
        async commit(committables) {
          const known = given.get(target) ?? new Set<string>()
          given.set(target, known)
          for (const { id, values: published } of committables) {
            if (known.has(id)) continue
            known.add(id)
            for (const value of published) target.push(value)
          }
        },
        async close() {},
      }
    },
  }
}
