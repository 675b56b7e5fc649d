import { describe, expect, it } from 'vitest'
import { findMatches, pattern, toDefinition } from '../../src/index.ts'

interface Price {
  readonly name: string
  readonly price: number
}

const is = (name: string) => (event: Price) => event.name === name

/** An order, and as often as they come an offer above the one before it with a bid above it. */
const rising = pattern<Price>('rising')
  .begin('order')
  .where(is('order'))
  .followedBy((round) =>
    round
      .begin('offer')
      .where(is('offer'))
      .where((offer, matched) => offer.price > matched.first('order').price)
      .followedBy('bid')
      .where(is('bid'))
      .where((bid, matched) => bid.price > (matched.all('offer').at(-1)?.price ?? 0)),
  )
  .oneOrMore()
  .followedBy('end')
  .where(is('end'))
  .skipPastLastEvent()

const events = (text: string): Price[] =>
  text.split(' ').map((each) => ({ name: each.replace(/\d+/, ''), price: Number(/\d+/.exec(each)?.[0] ?? 0) }))

describe('a group that is built where it stands', () => {
  it('has conditions over the events of the stages before it', () => {
    const { matches } = findMatches(rising, events('order5 offer4 offer6 bid5 bid7 offer9 bid8 bid10 end'))
    const prices = matches.map(({ offer, bid }) => [offer, bid].map((stage) => stage.map(({ price }) => price)))
    expect(prices).toEqual([
      [
        [6, 9],
        [7, 10],
      ],
    ])
  })

  it('is the same pattern as with the group built before', () => {
    const group = pattern<Price>('any name').begin('x').next('y')
    const before = pattern<Price>('p').begin('a').next(group).times(2)
    const there = pattern<Price>('p')
      .begin('a')
      .next((inner) => inner.begin('x').next('y'))
      .times(2)
    expect(toDefinition(there)).toEqual(toDefinition(before))
  })

  it('may come first', () => {
    const doubled = pattern<Price>()
      .begin((group) => group.begin('a').where(is('a')).next('b').where(is('b')))
      .times(2)
    expect(findMatches(doubled, events('a1 b2 a3 b4')).matches).toHaveLength(1)
  })

  it('is refused under the name of the whole pattern', () => {
    expect(() =>
      pattern<Price>('mine')
        .begin('a')
        .next((group) => group.begin('').next('b')),
    ).toThrow("Pattern 'mine': a stage needs a name")
    expect(() =>
      pattern<Price>('mine')
        .begin('a')
        .next((() => undefined) as never),
    ).toThrow("Pattern 'mine': a stage is undefined; give a name or a pattern (rule group-not-a-pattern)")
  })
})
