/** Smaller responses are not worth keeping memory for. */
const leastPooledBytes = 64 * 1024
/** Sizes are rounded up to it, so that one response's memory fits the next. */
const stepBytes = 64 * 1024
/** Memory is not used for a response that would leave more of it empty than so many times its own size. */
const largestWaste = 4

/**
 * Memory for responses that is used again once it is released. New memory would have to be cleared by the system and, being
 * outside the heap, would call the garbage collector for every few dozen megabytes that are read.
 */
export class ResponseMemory {
  readonly #maxBytes: number
  readonly #free: ArrayBuffer[] = []
  #freeBytes = 0

  /** Keeps up to so many bytes that are not in use. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  allocate(bytes: number): Buffer {
    if (bytes < leastPooledBytes) return Buffer.allocUnsafeSlow(bytes)
    const found = this.#free.findLastIndex(
      ({ byteLength }) => byteLength >= bytes && byteLength <= bytes * largestWaste,
    )
    if (found < 0) return Buffer.allocUnsafeSlow(Math.ceil(bytes / stepBytes) * stepBytes).subarray(0, bytes)
    const [memory] = this.#free.splice(found, 1) as [ArrayBuffer]
    this.#freeBytes -= memory.byteLength
    return Buffer.from(memory, 0, bytes)
  }

  /** Nothing of these bytes, which `allocate` gave, is needed any more. */
  release(bytes: Buffer): void {
    const memory = bytes.buffer as ArrayBuffer
    if (memory.byteLength < leastPooledBytes || memory.byteLength > this.#maxBytes) return
    this.#free.push(memory)
    this.#freeBytes += memory.byteLength
    // What has not been used for longest goes: memory of sizes that do not come any more must not keep others out.
    while (this.#freeBytes > this.#maxBytes) this.#freeBytes -= (this.#free.shift() as ArrayBuffer).byteLength
  }
}

/** The bytes of one response, of which several partitions may have records. */
export class SharedBytes {
  readonly bytes: Buffer
  /** Partitions that have not given out all their records. */
  uses = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }
}
