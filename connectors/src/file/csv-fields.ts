const QUOTE = 34

/**
 * Where the fields of a line are, by its bytes; fields that nobody asks for are passed over, and nothing is made of them. A field that
 * begins with a quote ends with one, else it goes on to the next delimiter.
 */
export class CsvFields {
  readonly #delimiter: Buffer
  readonly #first: number
  /** Of each field up to the last one that is wanted. */
  readonly #starts: Int32Array
  readonly #ends: Int32Array
  #bytes: Buffer = Buffer.alloc(0)
  #count = 0

  /** `last` is the last field that is wanted, by its place in the line. */
  constructor(delimiter: string, last: number) {
    this.#delimiter = Buffer.from(delimiter)
    this.#first = this.#delimiter[0] as number
    this.#starts = new Int32Array(last + 1)
    this.#ends = new Int32Array(last + 1)
  }

  /** Takes a line; `text` is of this one from now on. */
  scan(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes
    const starts = this.#starts
    const ends = this.#ends
    const wanted = starts.length
    let count = 0
    let at = start
    while (count < wanted && at <= end) {
      starts[count] = at
      at = bytes[at] === QUOTE && at < end ? closingQuote(bytes, at, end) : this.#delimiterFrom(at, end)
      ends[count++] = at
      if (at >= end) break
      at += this.#delimiter.length
    }
    this.#count = count
  }

  /** The field at this place; undefined where the line has fewer. */
  text(at: number): string | undefined {
    if (at >= this.#count) return undefined
    const bytes = this.#bytes
    const start = this.#starts[at] as number
    const end = this.#ends[at] as number
    if (bytes[start] !== QUOTE || start === end) return bytes.toString('utf8', start, end)
    const isClosed = end - start > 1 && bytes[end - 1] === QUOTE
    return bytes.toString('utf8', start + 1, isClosed ? end - 1 : end).replaceAll('""', '"')
  }

  #delimiterFrom(start: number, end: number): number {
    const bytes = this.#bytes
    const first = this.#first
    for (let at = start; at < end; at++) if (bytes[at] === first && this.#isDelimiter(at, end)) return at
    return end
  }

  #isDelimiter(at: number, end: number): boolean {
    const delimiter = this.#delimiter
    if (at + delimiter.length > end) return false
    for (let next = 1; next < delimiter.length; next++) if (this.#bytes[at + next] !== delimiter[next]) return false
    return true
  }
}

/** Behind the quote that closes the field; doubled ones are part of it. */
function closingQuote(bytes: Buffer, start: number, end: number): number {
  let at = start + 1
  for (; at < end; at++) {
    if (bytes[at] !== QUOTE) continue
    if (at + 1 >= end || bytes[at + 1] !== QUOTE) return at + 1
    at++
  }
  return end
}
