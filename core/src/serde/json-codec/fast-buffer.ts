/**
 * The primitives behind `toString` and `write` of a Buffer, which Node's types leave out. Without the handling of options that the
 * public methods do, a short string costs a fifth less.
 */
export interface FastBuffer extends Buffer {
  latin1Slice(start: number, end: number): string
  utf8Slice(start: number, end: number): string
  /** Gives the number of bytes written. */
  utf8Write(text: string, at: number): number
  latin1Write(text: string, at: number): number
}
