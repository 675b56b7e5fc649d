import { inspect } from 'node:util'
import type { Sink } from './sink.ts'

/** Writes each record to standard output at once, for people to watch; after a crash lines may come again. */
export function printSink<T>(prefix: string): Sink<T> {
  const start = prefix === '' ? '' : `${prefix}> `
  return {
    name: 'print',
    guarantee: 'at-least-once',
    async open({ index, parallelism }) {
      const line = parallelism === 1 ? start : `${start}${index}> `
      return {
        write(value) {
          process.stdout.write(
            `${line}${typeof value === 'string' ? value : inspect(value, { breakLength: Number.POSITIVE_INFINITY })}\n`,
          )
        },
        async flush() {},
        async close() {},
      }
    },
  }
}
