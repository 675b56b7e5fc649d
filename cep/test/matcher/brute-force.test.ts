import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Automaton } from '../../src/automaton/automaton.ts'
import { compilePattern } from '../../src/automaton/compile.ts'
import { findIn } from '../../src/matcher/find-matches.ts'
import type { PatternTree } from '../../src/pattern/nodes.ts'
import { PatternError } from '../../src/pattern/pattern-error.ts'
import { type BruteMatch, bruteForce, type TimedEvent, TooMany } from './brute-force.ts'
import { inputs, patterns } from './random-patterns.ts'

/** Null for a pattern that breaks a rule. */
function compiled(tree: PatternTree): Automaton | null {
  try {
    return compilePattern(tree)
  } catch (error) {
    if (error instanceof PatternError) return null
    throw error
  }
}

const text = (match: Readonly<Record<string, readonly unknown[]>>, events: readonly TimedEvent[]) =>
  Object.entries(match)
    .filter(([, taken]) => taken.length > 0)
    .map(([name, taken]) => `${name}=${taken.map((event) => events.findIndex((each) => each.event === event))}`)
    .sort()
    .join(' ')

/** With as many of the events as can be looked at in all ways. */
function everyMatch(
  tree: PatternTree,
  events: readonly TimedEvent[],
): { found: BruteMatch[]; events: readonly TimedEvent[] } {
  try {
    return { found: bruteForce(tree, events), events }
  } catch (error) {
    if (error instanceof TooMany) return everyMatch(tree, events.slice(0, -1))
    throw error
  }
}

const runs = Number(process.env.MILLRACE_CEP_RUNS ?? 4_000)

// As many as are asked for may take their time where others share the machine.
const timeout = Math.max(600_000, runs * 20)

describe('the automaton', () => {
  it('finds what the definitions say, for patterns and inputs of all kinds', { timeout }, () => {
    let compared = 0
    let nonEmpty = 0
    fc.assert(
      fc.property(patterns, inputs, (tree, input) => {
        const automaton = compiled(tree)
        if (automaton === null) return
        compared++
        const { found, events } = everyMatch(tree, input)
        const expected = found.map(({ steps }) => {
          const match: Record<string, unknown[]> = {}
          for (const { name, at } of steps) match[name] = [...(match[name] ?? []), events[at]?.event]
          return text(match, events)
        })
        const { matches } = findIn(automaton, events)
        if (expected.length > 0) nonEmpty++
        expect(matches.map((match) => text(match, events)).sort()).toEqual(expected.sort())
      }),
      { numRuns: runs },
    )
    expect(compared).toBeGreaterThan(runs / 3)
    expect(nonEmpty).toBeGreaterThan(runs / 10)
  })
})
