import type { ByteWriter } from '@millrace/core/spi'
import { byteRanges, type FileFormat } from './format.ts'
import { LineReader } from './line-reader.ts'
import { LineWriter } from './line-writer.ts'

/** One record for each line of a file, in UTF-8. A record that is written must not contain a line break. */
export function text(): FileFormat<string> {
  return {
    name: 'text',
    extension: '.txt',
    ranges: byteRanges,
    open: (range, position, context) =>
      new LineReader(range, position, (bytes, start, end) => bytes.toString('utf8', start, end), context),
    writer: (path, onWritten) => new LineWriter(path, null, writeText, onWritten),
  }
}

function writeText(value: string, target: ByteWriter): void {
  if (/[\r\n]/.test(value)) throw new TypeError('A record with a line break would be two lines of a text file.')
  target.writeUtf8(value)
}
