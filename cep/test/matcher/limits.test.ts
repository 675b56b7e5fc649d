import { StreamError } from '@millrace/core'
import { describe, expect, it } from 'vitest'
import { compilePattern } from '../../src/automaton/compile.ts'
import { fromDefinition } from '../../src/definition/from-definition.ts'
import { Matcher, type MatcherLimits } from '../../src/matcher/matcher.ts'
import { PartialMatches } from '../../src/matcher/partial-matches.ts'
import { definitionOf, eventsOf } from './notation.ts'

function run(pattern: string, events: string, limits: MatcherLimits) {
  const matcher = new Matcher(compilePattern(fromDefinition(definitionOf(pattern)).tree), limits)
  const kept = new PartialMatches()
  const seen = { matches: 0, dropped: 0, most: 0 }
  const findings = { onMatch: () => seen.matches++, onTimeout: () => {}, onDropped: () => seen.dropped++ }
  for (const event of eventsOf(events)) {
    matcher.onEvent(kept, () => kept, event, event.time, findings)
    seen.most = Math.max(seen.most, kept.runs.length)
  }
  return { ...seen, entries: kept.buffer.size }
}

const runaway = 'b+ combinations followedBy c'
const thirty = Array.from({ length: 30 }, (_, at) => `b${at}`).join(' ')

describe('a pattern that runs away', () => {
  it('is stopped by an error that names it', () => {
    const error = (() => {
      try {
        run(runaway, thirty, { maxPartialMatches: 1_000, onLimit: 'error' })
      } catch (thrown) {
        return thrown
      }
    })()
    expect(StreamError.is(error) && error.code).toBe('PARTIAL_MATCHES_EXCEEDED')
    expect((error as Error).message).toContain("more than 1000 partial matches of pattern 'case'")
  })

  it('keeps the oldest partial matches where the newest are dropped, and counts those', () => {
    const seen = run(runaway, `${thirty} c40`, { maxPartialMatches: 1_000, onLimit: 'drop' })
    expect(seen.most).toBe(1_000)
    expect(seen.dropped).toBeGreaterThan(1_000)
    expect(seen.matches).toBe(1_000)
    // They wait for more of the loop, one link each.
    expect(seen.entries).toBe(1_000)
  })

  it('is none where a partial match takes the place of the one it has grown out of', () => {
    expect(run('a next b next c', 'a1 b2 c3 a4 b5 c6', { maxPartialMatches: 1, onLimit: 'error' }).matches).toBe(2)
  })
})

describe('a loop in a loop', () => {
  it.each(['( b+ until u )+', '( b+ consecutive )+', '( a? followedBy b+ consecutive )+ consecutive'])(
    'has one partial match for what was taken, whichever loop took it: %s',
    (pattern) => {
      const seen = run(pattern, thirty, { maxPartialMatches: 30, onLimit: 'error' })
      expect(seen.matches).toBe((30 * 31) / 2)
    },
  )
})

describe('ways on from a stage', () => {
  const optional = (count: number): string =>
    ['a', ...Array.from({ length: count }, (_, at) => `b${at}?`), 'c'].join(' followedBy ')
  const limits: MatcherLimits = { maxPartialMatches: 10_000, onLimit: 'error' }

  it('may be thirty: twenty-nine stages that may be left out, and the one after them', () => {
    expect(run(optional(29), 'a1 c2', limits).matches).toBe(1)
    expect(run(optional(29), 'a1 b2 c3', limits).matches).toBe(30)
  })

  it('may not be more, and who has them is named', () => {
    expect(() => run(optional(30), 'a1 c2', limits)).toThrow(
      /^Pattern 'case': after 'a' there are 31 ways on, and at most 30 are possible; .* \(rule too-many-ways\)$/,
    )
  })

  it('are two from each repetition of a loop, however often it comes', () => {
    expect(
      run('a{100,200} next c', `${Array.from({ length: 150 }, (_, at) => `a${at}`).join(' ')} c999`, limits).matches,
    ).toBe(51)
  })
})

describe('skipping after a match', () => {
  it.each([
    ['a followedBy b? followedBy c | skip skipToFirst b error', 'a1 c2', "has no event of 'b'"],
    ['a next b | skip skipToFirst a error', 'a1 b2', 'the same match would come for ever'],
  ])('%s fails where there is nothing to skip to', (pattern, events, why) => {
    expect(() => run(pattern, events, { maxPartialMatches: 10, onLimit: 'error' })).toThrow(why)
  })
})
