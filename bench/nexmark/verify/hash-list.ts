/** A growing list of hashes, eight bytes each. */
export class HashList {
  #values = new Float64Array(1024)
  length = 0

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float64Array(this.length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.length++] = value
  }

  first(count: number): number[] {
    return [...this.#values.subarray(0, Math.min(count, this.length))]
  }

  sorted(): Float64Array {
    return this.#values.slice(0, this.length).sort()
  }
}

/** 53 bits of a text: two multiplicative hashes with different multipliers, each mixed at the end as murmur3 does. */
export function hash(text: string): number {
  let a = text.length
  let b = ~text.length
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    a = Math.imul(a ^ unit, 0x9e3779b1)
    b = Math.imul(b ^ unit, 0x85ebca77)
    a ^= a >>> 15
    b ^= b >>> 13
  }
  return (mix(a ^ (b << 7)) >>> 0) * 0x20_0000 + (mix(b) >>> 11)
}

function mix(value: number): number {
  let mixed = value ^ (value >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
