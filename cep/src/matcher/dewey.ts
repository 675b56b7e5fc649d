/**
 * A version in the shared buffer, as in Agrawal et al., "Efficient Pattern Matching over Event Streams" (SIGMOD 2008): a Dewey
 * number, whose digits are kept as a chain that versions with a common beginning share. So a step of a long loop costs one
 * digit, not a copy of all before it, and to find what belongs to a version is to compare references.
 */
export class Dewey {
  /** All digits but the last; null for a number of one digit. */
  readonly prefix: Dewey | null
  readonly digit: number

  constructor(prefix: Dewey | null, digit: number) {
    this.prefix = prefix
    this.digit = digit
  }

  /** With one more digit: what grows out of this version. */
  child(): Dewey {
    return new Dewey(this, 0)
  }

  /** With the last digit one higher: the same partial match after it has branched. */
  next(): Dewey {
    return new Dewey(this.prefix, this.digit + 1)
  }

  toString(): string {
    const digits: number[] = []
    for (let version: Dewey | null = this; version !== null; version = version.prefix) digits.push(version.digit)
    return digits.reverse().join('.')
  }
}
