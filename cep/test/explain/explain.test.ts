import { describe, expect, it } from 'vitest'
import { explainPattern, expression, findMatches, pattern } from '../../src/index.ts'

interface Event {
  readonly name: string
  readonly time: number
}
const is = (name: string) => expression(`event.name == "${name}"`)
const events = (text: string): Event[] =>
  text.split(' ').map((word) => ({ name: word[0] as string, time: Number(word.slice(1)) }))

describe('a picture of the automaton', () => {
  const built = pattern<Event>('picture')
    .begin('a')
    .where(is('a'))
    .notFollowedBy('n')
    .where(is('n'))
    .followedBy('b')
    .where(is('b'))
    .oneOrMore()
    .greedy()
    .within('5s')

  it('is text for Mermaid', () => {
    expect(explainPattern(built).mermaid).toBe(`flowchart LR
  start((start))
  p0("a: event.name == #quot;a#quot;")
  p1("b#1: event.name == #quot;b#quot;")
  match(((match)))
  start -->|"begin"| p0
  p0 -->|"followedBy, notFollowedBy n"| p1
  p1 -->|"followedBy, greedy"| p1
  p1 -->|"at the next event"| match
`)
  })

  it('is text for Graphviz', () => {
    expect(explainPattern(built).graphviz).toContain('  p0 -> p1 [label="followedBy, notFollowedBy n"]\n')
    expect(explainPattern(built).graphviz).toMatch(/^digraph "picture" \{\n[\s\S]*\}\n$/)
  })
})

describe('a trace', () => {
  it('says why partial matches went on, branched, died, timed out and were skipped', () => {
    const built = pattern<Event>('traced')
      .begin('a')
      .where(is('a'))
      .followedByAny('b')
      .where(is('b'))
      .notFollowedBy('n')
      .where(is('n'))
      .next('c')
      .where(is('c'))
      .within(10)
      .skipPastLastEvent()
    const { trace } = findMatches(built, events('a1 b2 b3 n4 a5 b6 c7 a8 x20'), { time: ({ time }) => time })
    const line = ({ partial, what, at, timestamp, why }: (typeof trace)[number]) =>
      `${partial} ${what} ${at} ${timestamp}: ${why}`
    expect(trace.map(line)).toEqual([
      "0 started null 1: 'a' takes the event",
      "0.0 advanced a 2: 'b' takes the event",
      "0.1 branched a 3: 'b' takes the event",
      "0.0.0 died b 3: the event is not 'c', which must come next",
      "0.1.0 died b 4: the event is 'n', which must not come",
      "1 started null 5: 'a' takes the event",
      "0.2 branched a 6: 'b' takes the event",
      "1.0 advanced a 6: 'b' takes the event",
      "0.2.0 advanced b 7: 'c' takes the event",
      '0.2.0.0 matched c 7: the pattern is complete',
      "1.0.0 advanced b 7: 'c' takes the event",
      '1.0.0.0 matched c 7: the pattern is complete',
      '0.3 skipped a 7: a match was given, and after that skipPastLastEvent holds',
      '1.1 skipped a 7: a match was given, and after that skipPastLastEvent holds',
      "2 started null 8: 'a' takes the event",
      "2.0 timed-out a 18: nothing that 'a' waits for came in time",
    ])
  })
})
