import type { ByteWriter } from '../../serde/byte-writer.ts'
import type { Serde } from '../../serde/serde.ts'
import type { CallContext } from './async-function.ts'

/** A record that waits for its result. */
export class Call implements CallContext {
  readonly value: unknown
  readonly timestamp: number
  attempt: number = 0
  /** Milliseconds by the clock. */
  deadline: number = Number.POSITIVE_INFINITY
  isDone: boolean = false
  /** Once it is done. */
  result: unknown
  #abort: AbortController | null = null

  constructor(value: unknown, timestamp: number) {
    this.value = value
    this.timestamp = timestamp
  }

  /** Made when somebody asks: most functions do not. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    return this.#abort.signal
  }

  abort(reason: Error): void {
    this.#abort?.abort(reason)
  }
}

/** Waiting records: event time in milliseconds (f64), then the value. */
export function callSerde(serde: Serde<unknown>): Serde<Call> {
  return {
    format: `call@1+${serde.format}`,
    encode({ timestamp, value }: Call, target: ByteWriter): void {
      target.writeFloat64(timestamp)
      serde.encode(value, target)
    },
    decode(bytes: Buffer, start: number, end: number): Call {
      return new Call(serde.decode(bytes, start + 8, end), bytes.readDoubleBE(start))
    },
  }
}
