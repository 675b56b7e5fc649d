import { msgpack, type Serde } from '@millrace/core'
import { ByteWriter } from '@millrace/core/spi'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compilePattern } from '../../src/automaton/compile.ts'
import { fromDefinition } from '../../src/definition/from-definition.ts'
import { Matcher } from '../../src/matcher/matcher.ts'
import { PartialMatches } from '../../src/matcher/partial-matches.ts'
import { type EventStore, readEvents, storeEvents } from '../../src/matcher/stored-events.ts'
import { decodeMatches, encodeMatches } from '../../src/matcher/stored-matches.ts'
import { ByteReader } from '../../src/matcher/varint.ts'
import type { PatternTree } from '../../src/pattern/nodes.ts'
import { PatternError } from '../../src/pattern/pattern-error.ts'
import type { TimedEvent } from './brute-force.ts'
import { definitionOf, eventsOf } from './notation.ts'
import { inputs, patterns } from './random-patterns.ts'

/** Null keeps all events with the partial matches; else they are stored by themselves from so many on. */
type Events = { readonly store: EventStore & Map<number, unknown>; readonly large: number } | null

function stored(matches: PartialMatches, events: Events = null): PartialMatches {
  if (events !== null) storeEvents(matches.buffer, events.store, events.large)
  const writer = new ByteWriter()
  encodeMatches(matches, msgpack(), writer)
  const bytes = writer.toBuffer()
  const reader = new ByteReader(bytes, 0, bytes.length)
  const back = decodeMatches(reader, msgpack())
  expect(reader.isAtEnd).toBe(true)
  if (events !== null) readEvents(back.unread, events.store)
  return back
}

/** What is found, and how much is kept after each event. */
function run(tree: PatternTree, events: readonly TimedEvent[], restarts: boolean, byThemselves: Events = null) {
  const matcher = new Matcher(compilePattern(tree))
  const said: unknown[] = []
  const findings = {
    onMatch: (match: object, timestamp: number) => said.push(['match', match, timestamp]),
    onTimeout: (match: object, timestamp: number) => said.push(['timeout', match, timestamp]),
    onDropped: () => {},
  }
  let kept = new PartialMatches()
  for (const { event, timestamp } of events) {
    matcher.onEvent(kept, () => kept, event, timestamp, findings)
    if (restarts) kept = stored(kept, byThemselves)
    said.push([kept.runs.length, kept.held.length, kept.buffer.size, kept.deadlineMs])
  }
  matcher.onTime(kept, Number.POSITIVE_INFINITY, findings)
  matcher.onEnd(kept, 0, findings)
  return { said, kept }
}

describe('partial matches that are stored', () => {
  it('go on as if nothing had happened, wherever they were stored', () => {
    let compared = 0
    fc.assert(
      fc.property(patterns, inputs, (tree, events) => {
        try {
          compilePattern(tree)
        } catch (error) {
          if (error instanceof PatternError) return
          throw error
        }
        compared++
        expect(run(tree, events, true).said).toEqual(run(tree, events, false).said)
      }),
      { numRuns: 1_500 },
    )
    expect(compared).toBeGreaterThan(500)
  })

  it('go on as if nothing had happened where their events are stored one by one, and leave none of these behind', () => {
    fc.assert(
      fc.property(patterns, inputs, fc.integer({ min: 0, max: 6 }), (tree, events, large) => {
        try {
          compilePattern(tree)
        } catch (error) {
          if (error instanceof PatternError) return
          throw error
        }
        const byThemselves = { store: new Map<number, unknown>(), large }
        const { said, kept } = run(tree, events, true, byThemselves)
        expect(said).toEqual(run(tree, events, false).said)
        storeEvents(kept.buffer, byThemselves.store, large)
        expect([...byThemselves.store.keys()]).toEqual([])
      }),
      { numRuns: 1_500 },
    )
  })

  it('leave nothing in the shared buffer once they are over', () => {
    fc.assert(
      fc.property(patterns, inputs, (tree, events) => {
        try {
          compilePattern(tree)
        } catch (error) {
          if (error instanceof PatternError) return
          throw error
        }
        expect(run(tree, events, false).kept.buffer.size).toBe(0)
      }),
      { numRuns: 1_500 },
    )
  })

  it('share what they have in common', () => {
    const { tree } = fromDefinition(definitionOf('a followedByAny b followedByAny c followedBy d'))
    const matcher = new Matcher(compilePattern(tree))
    const kept = new PartialMatches()
    const findings = { onMatch: () => {}, onTimeout: () => {}, onDropped: () => {} }
    for (const event of eventsOf('a1 b2 b3 c4 c5')) matcher.onEvent(kept, () => kept, event, event.time, findings)
    // a, a b2, a b3, and each of the two with c4 and c5: the links of a and of the two b are there once.
    expect(kept.runs.length).toBe(7)
    expect(kept.buffer.size).toBe(7)
    const writer = new ByteWriter()
    const one: Serde<unknown> = { format: 'one@1', decode: () => 1, encode: (_, target) => target.writeUint8(1) }
    encodeMatches(kept, one, writer)
    expect(writer.position).toBeLessThan(200)
  })

  it('need one link for each event of a long loop, not all that came before it', () => {
    const { tree } = fromDefinition(definitionOf('a next b+ greedy followedBy c'))
    const matcher = new Matcher(compilePattern(tree))
    const kept = new PartialMatches()
    const found: Record<string, readonly unknown[]>[] = []
    const findings = { onMatch: (match: never) => found.push(match), onTimeout: () => {}, onDropped: () => {} }
    const letters = ['a', ...Array.from({ length: 5_000 }, () => 'b'), 'c']
    for (const [at, letter] of letters.entries()) {
      matcher.onEvent(kept, () => kept, { letter }, at, findings)
      expect(kept.buffer.size).toBeLessThanOrEqual(at + 1)
    }
    expect(found.map(({ b }) => b?.length)).toEqual([5_000])
  })
})
