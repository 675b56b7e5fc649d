/** Ranges of this length are sorted by insertion. */
const SMALL = 12

/**
 * Sorts the first `count` indices, stably, with as much memory again and no more: `order` and `scratch` are used in turn, and the one
 * that holds the result is returned. (The sort of typed arrays that the language has copies all of them into objects.)
 *
 * Source: D. Knuth, The Art of Computer Programming, vol. 3, 5.2.4.
 */
export function mergeSort(
  order: Uint32Array,
  scratch: Uint32Array,
  count: number,
  isAfter: (left: number, right: number) => boolean,
): Uint32Array {
  for (let start = 0; start < count; start += SMALL) insert(order, start, Math.min(count, start + SMALL), isAfter)
  let from = order
  let to = scratch
  for (let width = SMALL; width < count; width *= 2) {
    for (let start = 0; start < count; start += 2 * width) {
      merge(from, to, start, Math.min(count, start + width), Math.min(count, start + 2 * width), isAfter)
    }
    const next = from
    from = to
    to = next
  }
  return from
}

function insert(
  order: Uint32Array,
  start: number,
  end: number,
  isAfter: (left: number, right: number) => boolean,
): void {
  for (let at = start + 1; at < end; at++) {
    const index = order[at] as number
    let place = at
    for (; place > start && isAfter(order[place - 1] as number, index); place--)
      order[place] = order[place - 1] as number
    order[place] = index
  }
}

function merge(
  from: Uint32Array,
  to: Uint32Array,
  start: number,
  middle: number,
  end: number,
  isAfter: (left: number, right: number) => boolean,
): void {
  let left = start
  let right = middle
  let at = start
  // What is in order already, which runs of sorted input are, is copied as a whole.
  if (left < middle && right < end && isAfter(from[middle - 1] as number, from[middle] as number)) {
    while (left < middle && right < end) {
      const isRight = isAfter(from[left] as number, from[right] as number)
      to[at++] = (isRight ? from[right++] : from[left++]) as number
    }
  }
  while (left < middle) to[at++] = from[left++] as number
  while (right < end) to[at++] = from[right++] as number
}
