import type { ByteWriter } from '../../../serde/byte-writer.ts'
import type { Header } from '../../log.ts'
import { position, readVarint, writeVarint } from './varint.ts'

const none: readonly Header[] = []

/** The most bytes that a varint of 32 bits takes. */
const largestVarint = 5

/** Decodes the headers that start here. Their values are views of the buffer. */
export function readHeaders(buffer: Buffer, start: number): readonly Header[] {
  const count = readVarint(buffer, start)
  if (count === 0) return none
  const headers: Header[] = []
  let at = position
  for (let i = 0; i < count; i++) {
    const keyLength = readVarint(buffer, at)
    const keyEnd = position + keyLength
    const key = buffer.toString('utf8', position, keyEnd)
    const valueLength = readVarint(buffer, keyEnd)
    at = position + Math.max(valueLength, 0)
    headers.push({ key, value: buffer.subarray(position, at) })
  }
  return headers
}

export function writeHeaders(target: ByteWriter, headers: readonly Header[]): void {
  writeNumber(target, headers.length)
  for (const header of headers) {
    writeNumber(target, Buffer.byteLength(header.key))
    target.writeUtf8(header.key)
    writeNumber(target, header.value.length)
    target.writeBytes(header.value)
  }
}

function writeNumber(target: ByteWriter, value: number): void {
  const at = target.reserve(largestVarint)
  target.position = writeVarint(target.buffer, at, value)
}
