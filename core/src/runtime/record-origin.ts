import type { ByteWriter } from '../serde/byte-writer.ts'
import type { Serde } from '../serde/serde.ts'

/**
 * Where the bytes of the record lie that runs through the chains now. An input sets it before each record; who copies the
 * record's bytes reads it within the same call.
 */
export class RecordOrigin {
  buffer: Buffer = Buffer.alloc(0)
  start = 0
  end = 0
}

/** The origins of a task, by the uid of a source or the id of an exchange. Inputs that nobody copies from have none. */
export class RecordOrigins {
  readonly #origins = new Map<string, RecordOrigin>()

  /** For who copies. */
  of(id: string): RecordOrigin {
    let origin = this.#origins.get(id)
    if (origin === undefined) {
      origin = new RecordOrigin()
      this.#origins.set(id, origin)
    }
    return origin
  }

  /** For an input: null when nobody copies from it. */
  find(id: string): RecordOrigin | null {
    return this.#origins.get(id) ?? null
  }
}

/** Writes the bytes of the record at hand, whatever the value is. */
export function copyingSerde(serde: Serde<unknown>, origin: RecordOrigin): Serde<unknown> {
  return {
    format: serde.format,
    decode: (bytes, start, end) => serde.decode(bytes, start, end),
    encode(_value: unknown, target: ByteWriter): void {
      const { buffer, start, end } = origin
      const at = target.reserve(end - start)
      buffer.copy(target.buffer, at, start, end)
      target.position = at + end - start
    },
  }
}
