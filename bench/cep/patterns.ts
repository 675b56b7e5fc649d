import { type PatternLike, pattern } from '@millrace/cep'

/** A click of a user, or a payment: what the patterns are looked for in. */
export interface Click {
  readonly user: number
  readonly kind: number
  readonly value: number
  readonly time: number
}

const USERS = 10_000
/** Event time goes on by a millisecond every ten events, so a user has one a second. */
const EVENTS_PER_MS = 10

/** The same events for the same number, whoever makes them (a peer too): a linear congruential generator, three draws each. */
export function makeClicks(count: number): Click[] {
  let state = 42
  const draw = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 0x1_0000_0000) * below)
  }
  return Array.from({ length: count }, (_, n) => ({
    user: draw(USERS),
    kind: draw(20),
    value: draw(1_000),
    time: Math.floor(n / EVENTS_PER_MS),
  }))
}

const kind = (wanted: number) => (click: Click) => click.kind === wanted

export const patterns: Readonly<Record<string, PatternLike<Click, Readonly<Record<string, readonly Click[]>>>>> = {
  'strict pair': pattern<Click>('strict pair').begin('a').where(kind(0)).next('b').where(kind(1)),
  'followedBy within 1 min': pattern<Click>('followedBy')
    .begin('a')
    .where(kind(0))
    .followedBy('b')
    .where((click, matched) => click.kind === 1 && click.value > matched.first('a').value)
    .within('1m'),
  'oneOrMore.until': pattern<Click>('until')
    .begin('a')
    .where(kind(0))
    .followedBy('b')
    .where((click) => click.kind >= 1 && click.kind <= 3)
    .oneOrMore()
    .until(kind(19))
    .followedBy('c')
    .where(kind(4))
    .within('1m')
    .skipPastLastEvent(),
}
