/** Which records without a partner are given too: none, those of the left or the right stream, or of both. */
export type JoinType = 'inner' | 'left' | 'right' | 'full'

/** Makes the result of two records that belong together; a side is undefined where an outer join found no partner. */
export type JoinMap<Left, Right, Out, Type extends JoinType = 'inner'> = (
  left: Type extends 'right' | 'full' ? Left | undefined : Left,
  right: Type extends 'left' | 'full' ? Right | undefined : Right,
) => Out

/** A join's map as operators run it. */
export type AnyJoinMap = (left: unknown, right: unknown) => unknown

export function keepsLeft(type: JoinType): boolean {
  return type === 'left' || type === 'full'
}

export function keepsRight(type: JoinType): boolean {
  return type === 'right' || type === 'full'
}
