/*
 * Record batch, version 2 (magic byte 2), the only format of Kafka since 0.11. All numbers are big-endian.
 *
 *     0 base offset  int64 | 8 length after this field  int32 | 12 leader epoch  int32 | 16 magic  int8
 *    17 CRC-32C of everything behind it  uint32 | 21 attributes  int16 | 23 last offset delta  int32
 *    27 base timestamp  int64 | 35 max timestamp  int64 | 43 producer id  int64 | 51 producer epoch  int16
 *    53 base sequence  int32 | 57 number of records  int32 | 61 records, compressed as a whole where the attributes say so
 *
 * Record: length, attributes (one byte), timestamp delta, offset delta, key length, key, value length, value,
 * number of headers, headers; the numbers are zigzag varints and a length of -1 is null.
 *
 * Source: Kafka documentation, section "Message Format".
 */

export const lengthAt = 8
export const leaderEpochAt = 12
export const magicAt = 16
export const crcAt = 17
export const attributesAt = 21
export const lastOffsetDeltaAt = 23
export const baseTimestampAt = 27
export const maxTimestampAt = 35
export const producerIdAt = 43
export const producerEpochAt = 51
export const baseSequenceAt = 53
export const recordCountAt = 57
export const recordsAt = 61

/** Bytes before the part that the length field counts. */
export const lengthOverhead = 12

export const compressionMask = 0b111
export const logAppendTimeFlag: number = 1 << 3
export const transactionalFlag: number = 1 << 4
export const controlFlag: number = 1 << 5

const twoTo32 = 4_294_967_296

/** A signed 64-bit number as a safe integer: exact up to 2^53. */
export function readInt64(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * twoTo32 + buffer.readUInt32BE(at + 4)
}

export function writeInt64(buffer: Buffer, value: number, at: number): void {
  const high = Math.floor(value / twoTo32)
  buffer.writeInt32BE(high, at)
  buffer.writeUInt32BE(value - high * twoTo32, at + 4)
}
