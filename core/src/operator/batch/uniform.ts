/** A number in [0, 1) for each draw of each record. The finalizer of MurmurHash3, chained over the parts. */
export function uniform(seed: number, index: number, number: number, draw: number): number {
  let hash = mix((seed | 0) ^ 0x9e3779b9)
  hash = mix(hash ^ index)
  hash = mix(hash ^ (number | 0))
  hash = mix(hash ^ Math.floor(number / 0x1_0000_0000))
  hash = mix(hash + Math.imul(draw, 0x85ebca77))
  return (hash >>> 0) / 0x1_0000_0000
}

function mix(value: number): number {
  let hash = value | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
