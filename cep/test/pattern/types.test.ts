import { expectTypeOf, it } from 'vitest'
import { type MatchOf, pattern } from '../../src/index.ts'

interface Login {
  readonly kind: 'login'
  readonly user: string
}
interface Payment {
  readonly kind: 'payment'
  readonly amount: number
}
type Event = Login | Payment

const isPayment = (event: Event): event is Payment => event.kind === 'payment'

it('a match has the events of each stage by its name, as many as its quantifier allows', () => {
  const built = pattern<Event>()
    .begin('once')
    .next('narrowed')
    .subtype(isPayment)
    .where((payment) => payment.amount > 5)
    .followedBy('maybe')
    .optional()
    .followedBy('many')
    .where(isPayment)
    .oneOrMore()
    .notNext('never')
    .next('any')
    .times(0, 3)
    .next('two')
    .times(2)
  expectTypeOf<MatchOf<typeof built>>().toEqualTypeOf<{
    readonly once: readonly [Event]
    readonly narrowed: readonly [Payment]
    readonly maybe: readonly [] | readonly [Event]
    readonly many: readonly [Payment, ...Payment[]]
    readonly any: readonly Event[]
    readonly two: readonly [Event, ...Event[]]
  }>()
})

it('a group in a loop has several events of each of its stages, and an optional one may have none', () => {
  const group = pattern<Event>().begin('x').where(isPayment).next('y').optional()
  const loop = pattern<Event>().begin('a').next(group).oneOrMore()
  expectTypeOf<MatchOf<typeof loop>>().toEqualTypeOf<{
    readonly a: readonly [Event]
    readonly x: readonly [Payment, ...Payment[]]
    readonly y: readonly Event[]
  }>()
  const maybe = pattern<Event>().begin('a').next(group).optional()
  expectTypeOf<MatchOf<typeof maybe>['x']>().toEqualTypeOf<readonly [] | readonly [Payment]>()
})

it('a condition sees what was matched so far with its types, by names that there are', () => {
  pattern<Event>()
    .begin('first')
    .where(isPayment)
    .next('maybe')
    .optional()
    .next('last')
    .where((event, matched) => {
      expectTypeOf(event).toEqualTypeOf<Event>()
      expectTypeOf(matched.first('first')).toEqualTypeOf<Payment>()
      expectTypeOf(matched.last('maybe')).toEqualTypeOf<Event | undefined>()
      expectTypeOf(matched.all('last')).toEqualTypeOf<readonly Event[]>()
      // @ts-expect-error there is no such stage
      matched.first('other')
      return true
    })
    .or((event) => {
      expectTypeOf(event).toEqualTypeOf<Event>()
      return false
    })
    // @ts-expect-error there is no such stage to skip to
    .skipToFirst('other')
})

it('a condition in a group that is built where it stands sees the stages before the group, with their types', () => {
  const built = pattern<Event>()
    .begin('first')
    .where(isPayment)
    .followedBy('maybe')
    .optional()
    .next((group) =>
      group
        .begin('x')
        .where((event, matched) => {
          expectTypeOf(event).toEqualTypeOf<Event>()
          expectTypeOf(matched.first('first')).toEqualTypeOf<Payment>()
          expectTypeOf(matched.last('maybe')).toEqualTypeOf<Event | undefined>()
          expectTypeOf(matched.all('x')).toEqualTypeOf<readonly Event[]>()
          // @ts-expect-error there is no such stage before it
          matched.first('after')
          return true
        })
        .followedBy((inner) =>
          inner
            .begin('y')
            .where(isPayment)
            .where((event, matched) => event.amount > matched.first('first').amount && matched.first('x') !== event),
        )
        .oneOrMore()
        .until((_, matched) => matched.last('first').amount > 1 && matched.all('y').length > 3),
    )
    .times(2)
    .next('after')
  expectTypeOf<MatchOf<typeof built>>().toEqualTypeOf<{
    readonly first: readonly [Payment]
    readonly maybe: readonly [] | readonly [Event]
    readonly x: readonly [Event, ...Event[]]
    readonly y: readonly [Payment, ...Payment[]]
    readonly after: readonly [Event]
  }>()
})

it('an alternative takes the type of a stage back to that of all events', () => {
  const built = pattern<Event>()
    .begin('a')
    .where(isPayment)
    .or((event) => event.kind === 'login')
  expectTypeOf<MatchOf<typeof built>>().toEqualTypeOf<{ readonly a: readonly [Event] }>()
})
