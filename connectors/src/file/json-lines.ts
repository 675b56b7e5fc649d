import { DecodeError, json, type Serde } from '@millrace/core'
import { type Condition, isProjectable } from '@millrace/core/spi'
import { byteRanges, type FileFormat } from './format.ts'
import { type DecodeFields, jsonFields } from './json-fields.ts'
import { LineReader } from './line-reader.ts'
import { LineWriter } from './line-writer.ts'

/**
 * One JSON value in each line; empty lines are no records. The type is a promise about the data unless a serde is given that checks
 * it, such as `schema(…)`.
 *
 * Where a job says which fields it uses, the others are passed over: what is wrong within them is not seen.
 */
export function jsonLines<T>(serde?: Serde<T>): FileFormat<T> {
  if (serde === undefined) return plainLines<T>(null, [])
  const decode: DecodeFields = (bytes, start, end) => serde.decode(bytes, start, end)
  const format = linesBy<T>(serde, decode)
  return isProjectable(serde) ? { ...format, project: (fields) => jsonLines(serde.project(fields)) } : format
}

/** JSON without a schema, of which any fields can be taken. */
function plainLines<T>(fields: readonly string[] | null, conditions: readonly Condition[]): FileFormat<T> {
  return {
    ...linesBy<T>(json<T>(), jsonFields(fields, conditions)),
    project: (wanted) => plainLines(wanted, conditions),
    where: (all) => plainLines<T>(fields, [...conditions, ...all]),
  }
}

function linesBy<T>(serde: Serde<T>, decode: DecodeFields): FileFormat<T> {
  return {
    name: `json-lines(${serde.format})`,
    extension: '.jsonl',
    ranges: byteRanges,
    open: (range, position, context) =>
      new LineReader(
        range,
        position,
        (bytes, start, end, at) => {
          if (start === end) return undefined
          try {
            return decode(bytes, start, end) as T | undefined
          } catch (cause) {
            const reason = cause instanceof Error ? cause.message : String(cause)
            throw new DecodeError(`The line at byte ${at} of ${range.path} is not ${serde.format}: ${reason}`, {
              cause,
            })
          }
        },
        context,
      ),
    writer: (path, onWritten) => new LineWriter(path, null, (value, target) => serde.encode(value, target), onWritten),
  }
}
