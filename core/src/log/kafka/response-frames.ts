import { ByteCursor } from './byte-cursor.ts'

const lengthBytes = 4
/** Holds the small answers, and the beginning of every other. */
const scratchBytes = 64 * 1024

/**
 * Cuts what a socket reads into responses: each begins with its length. `space` is where to read to next; once the length of
 * a long response is known, that is the response's own buffer, so that its bytes are not copied again.
 */
export class ResponseFrames {
  readonly #onFrame: (response: ByteCursor) => void
  readonly #allocate: (bytes: number) => Buffer
  readonly #scratch: Buffer = Buffer.allocUnsafeSlow(scratchBytes)
  #inScratch = 0
  #long: Buffer | undefined
  #inLong = 0

  /** `onFrame` is called with each response, behind its length; its bytes are in what `allocate` gave. */
  constructor(
    onFrame: (response: ByteCursor) => void,
    allocate: (bytes: number) => Buffer = (bytes) => Buffer.allocUnsafeSlow(bytes),
  ) {
    this.#onFrame = onFrame
    this.#allocate = allocate
  }

  /** Never empty. */
  get space(): Buffer {
    return this.#long === undefined ? this.#scratch.subarray(this.#inScratch) : this.#long.subarray(this.#inLong)
  }

  /** So many bytes were read into `space`. @throws what `onFrame` throws, and for a length that no response can have */
  filled(bytes: number): void {
    if (this.#long === undefined) {
      this.#inScratch += bytes
      this.#cut()
      return
    }
    this.#inLong += bytes
    if (this.#inLong < this.#long.length) return
    const whole = this.#long
    this.#long = undefined
    this.#onFrame(new ByteCursor(whole))
  }

  #cut(): void {
    const scratch = this.#scratch
    const end = this.#inScratch
    let at = 0
    while (end - at >= lengthBytes) {
      const length = scratch.readInt32BE(at)
      if (length < lengthBytes) throw new Error(`a response cannot be ${length} bytes long`)
      const start = at + lengthBytes
      const there = Math.min(end - start, length)
      const response = this.#allocate(length)
      scratch.copy(response, 0, start, start + there)
      at = start + there
      if (there < length) {
        this.#long = response
        this.#inLong = there
        break
      }
      this.#onFrame(new ByteCursor(response))
    }
    scratch.copyWithin(0, at, end)
    this.#inScratch = end - at
  }
}
