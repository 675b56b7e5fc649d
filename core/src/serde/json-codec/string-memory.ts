import type { FastBuffer } from './fast-buffer.ts'

/*
 * Most fields say the same few things again and again: a short string that was read lately is given again, without a new one. It is
 * known by its bytes, in four words, the rest of which is zero: no string of JSON has a zero as it is.
 */

export interface StringMemory {
  readonly words: Int32Array
  readonly texts: string[]
}

export const LONGEST_REMEMBERED = 16

const REMEMBERED = 128
/** What remains of each word of a string of a length. */
const MASKS = Int32Array.from({ length: (LONGEST_REMEMBERED + 1) * 4 }, (_, at) => {
  const bytes = Math.min(4, Math.max(0, (at >> 2) - (at & 3) * 4))
  return bytes === 4 ? -1 : 2 ** (8 * bytes) - 1
})

export function stringMemory(): StringMemory {
  return { words: new Int32Array(REMEMBERED * 4), texts: new Array<string>(REMEMBERED).fill('') }
}

/** The string of plain ASCII at `start`, of at most `LONGEST_REMEMBERED` bytes; there must be as many behind `start`. */
export function recall(
  { words, texts }: StringMemory,
  bytes: FastBuffer,
  view: DataView,
  start: number,
  length: number,
): string {
  const mask = length << 2
  const first = view.getInt32(start, true) & (MASKS[mask] as number)
  const second = view.getInt32(start + 4, true) & (MASKS[mask + 1] as number)
  const third = view.getInt32(start + 8, true) & (MASKS[mask + 2] as number)
  const fourth = view.getInt32(start + 12, true) & (MASKS[mask + 3] as number)
  const mixed = Math.imul(first ^ Math.imul(second, 31) ^ Math.imul(third, 961) ^ Math.imul(fourth, 29_791), 0x9e3779b1)
  const place = mixed >>> 25
  const at = place << 2
  if (words[at] === first && words[at + 1] === second && words[at + 2] === third && words[at + 3] === fourth)
    return texts[place] as string
  const text = shortText(bytes, start, length)
  words[at] = first
  words[at + 1] = second
  words[at + 2] = third
  words[at + 3] = fourth
  texts[place] = text
  return text
}

/** Up to twelve characters are put together quicker than a native call takes. */
function shortText(b: FastBuffer, p: number, length: number): string {
  const of = String.fromCharCode as (...units: (number | undefined)[]) => string
  switch (length) {
    case 1:
      return of(b[p])
    case 2:
      return of(b[p], b[p + 1])
    case 3:
      return of(b[p], b[p + 1], b[p + 2])
    case 4:
      return of(b[p], b[p + 1], b[p + 2], b[p + 3])
    case 5:
      return of(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4])
    case 6:
      return of(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4], b[p + 5])
    case 7:
      return of(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4], b[p + 5], b[p + 6])
    case 8:
      return of(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4], b[p + 5], b[p + 6], b[p + 7])
    case 9:
      return of(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4], b[p + 5], b[p + 6], b[p + 7], b[p + 8])
    case 10:
      return of(b[p], b[p + 1], b[p + 2], b[p + 3], b[p + 4], b[p + 5], b[p + 6], b[p + 7], b[p + 8], b[p + 9])
    case 11:
      return of(
        b[p],
        b[p + 1],
        b[p + 2],
        b[p + 3],
        b[p + 4],
        b[p + 5],
        b[p + 6],
        b[p + 7],
        b[p + 8],
        b[p + 9],
        b[p + 10],
      )
    case 12:
      return of(
        b[p],
        b[p + 1],
        b[p + 2],
        b[p + 3],
        b[p + 4],
        b[p + 5],
        b[p + 6],
        b[p + 7],
        b[p + 8],
        b[p + 9],
        b[p + 10],
        b[p + 11],
      )
    default:
      return b.latin1Slice(p, p + length)
  }
}
