import { DecodeError, json, type Serde } from '@millrace/core'
import { isProjectable } from '@millrace/core/spi'
import { byteRanges, type FileFormat } from './format.ts'
import { LineReader } from './line-reader.ts'
import { LineWriter } from './line-writer.ts'

/**
 * One JSON value in each line; empty lines are no records. The type is a promise about the data unless a serde is given that checks
 * it, such as `schema(…)`.
 */
export function jsonLines<T>(serde: Serde<T> = json<T>()): FileFormat<T> {
  const format: FileFormat<T> = {
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
            return serde.decode(bytes, start, end)
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
  return isProjectable(serde) ? { ...format, project: (fields) => jsonLines(serde.project(fields)) } : format
}
