import type { ByteWriter } from './byte-writer.ts'

/**
 * Turns values into bytes and back. Decoding works on a range of a larger buffer, encoding writes in place,
 * so that a record crosses the engine without a copy of its own.
 */
export interface Serde<T> {
  /**
   * Names the format with its version, e.g. `json@1`. It is stored beside state: state that was written under another
   * name is refused instead of being misread.
   */
  readonly format: string
  /**
   * True where decoded values hold no views of the bytes they were decoded from, not even later. The engine then reads the next
   * records into the same memory, which is faster.
   * @default false
   */
  readonly isDetached?: boolean
  /** Decodes `bytes[start, end)`. Throws when the bytes are not of this format; the engine adds the coordinates. */
  decode(bytes: Buffer, start: number, end: number): T
  /** Appends the encoded value to `target`. */
  encode(value: T, target: ByteWriter): void
}

/**
 * The serde, with `isDetached`. A copy of it by spread does not have it: it may have been made for another `decode`, which may
 * hold views.
 */
export function detached<T>(serde: Serde<T>): Serde<T> {
  return Object.defineProperty(serde, 'isDetached', { value: true, enumerable: false })
}

/** A serde that can decode some fields of its values only. */
export interface ProjectableSerde<T> extends Serde<T> {
  /** The same format, for values with these top-level fields only. */
  project(fields: readonly string[]): Serde<unknown>
}

export function isProjectable<T>(serde: Serde<T>): serde is ProjectableSerde<T> {
  return 'project' in serde
}
