import type { ArrayShape, NumberShape } from './shape.ts'

/** What a schema says of a number, in words. */
export function numberDemand({ isInteger, limits }: NumberShape): string {
  const bounds = limits.map(({ comparison, bound }) => `${comparison} ${bound}`)
  return [isInteger ? 'a whole number' : 'a finite number', bounds.join(' and ')].join(' ').trimEnd()
}

/** What a schema says of an array, in words. */
export function arrayDemand({ least, most }: ArrayShape): string {
  const bounds = [
    ...(least > 0 ? [`at least ${least}`] : []),
    ...(most < Number.POSITIVE_INFINITY ? [`at most ${most}`] : []),
  ]
  return bounds.length === 0 ? 'an array' : `an array of ${bounds.join(' and ')}`
}

/** The place of a property, as a JSON pointer (RFC 6901). */
export function placeOf(path: string, name: string): string {
  return `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
}
