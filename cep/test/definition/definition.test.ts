import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compilePattern } from '../../src/automaton/compile.ts'
import { expression, findMatches, fromDefinition, PatternError, pattern, toDefinition } from '../../src/index.ts'
import type { PatternNode, PatternTree } from '../../src/pattern/nodes.ts'
import { patterns } from '../matcher/random-patterns.ts'

/** The same pattern with conditions that are expressions, as only those can be written. */
function written(tree: PatternTree): PatternTree {
  const node = (each: PatternNode): PatternNode => {
    const until = each.until === null ? null : expression('event.x == 1')
    if (each.kind === 'group') return { ...each, until, sequence: each.sequence.map(node) }
    return { ...each, until, condition: each.condition === null ? null : expression('size(matched.s0) < event.n') }
  }
  return { ...tree, sequence: tree.sequence.map(node) }
}

const failure = (definition: unknown): PatternError => {
  try {
    fromDefinition(definition as never)
  } catch (error) {
    return error as PatternError
  }
  throw new Error('it was taken')
}

describe('a pattern as data', () => {
  it('is the same pattern when it is read back, for patterns of all kinds', () => {
    fc.assert(
      fc.property(patterns, (random) => {
        const tree = written(random)
        try {
          compilePattern(tree)
        } catch (error) {
          if (error instanceof PatternError) return
          throw error
        }
        const definition = toDefinition({ tree })
        const back = fromDefinition(JSON.parse(JSON.stringify(definition)))
        expect(toDefinition(back)).toEqual(definition)
        expect(compilePattern(back.tree).fingerprint).toBe(compilePattern(tree).fingerprint)
      }),
      { numRuns: 500 },
    )
  })

  it('finds what the pattern in code finds', () => {
    const built = pattern<{ amount: number }>('probe')
      .begin('small')
      .where(expression('event.amount < 5'))
      .followedBy('large')
      .where(expression('event.amount > 100 * matched.small[0].amount'))
      .or(expression('event.amount == 7'))
    const amounts = [1, 90, 101, 2, 7].map((amount) => ({ amount }))
    const expected = [
      { small: [{ amount: 1 }], large: [{ amount: 101 }] },
      { small: [{ amount: 2 }], large: [{ amount: 7 }] },
    ]
    expect(findMatches(built, amounts).matches).toEqual(expected)
    expect(findMatches(fromDefinition<{ amount: number }>(toDefinition(built)), amounts).matches).toEqual(expected)
  })

  it('refuses conditions that are functions, with their path', () => {
    const built = pattern<number>('p')
      .begin('a')
      .next('b')
      .where(expression('event > 1'))
      .where((n) => n > 2)
    expect(() => toDefinition(built)).toThrow(/Pattern 'p' at stages\[1\]\.where\.all\[1\].*rule not-data/)
  })

  it.each<[path: string, definition: unknown]>([
    ['the definition', null],
    ['name', { stages: [{ name: 'a' }] }],
    ['stages', { name: 'p' }],
    ['stages', { name: 'p', stages: [] }],
    ['colour', { name: 'p', stages: [{ name: 'a' }], colour: 'red' }],
    ['stages[0].name', { name: 'p', stages: [{}] }],
    ['stages[0].follows', { name: 'p', stages: [{ name: 'a', follows: 'next' }] }],
    ['stages[1].follows', { name: 'p', stages: [{ name: 'a' }, { name: 'b' }] }],
    ['stages[1].follows', { name: 'p', stages: [{ name: 'a' }, { name: 'b', follows: 'after' }] }],
    ['stages[0].where', { name: 'p', stages: [{ name: 'a', where: 'event.' }] }],
    ['stages[0].where', { name: 'p', stages: [{ name: 'a', where: '1 + 2' }] }],
    ['stages[0].where', { name: 'p', stages: [{ name: 'a', where: 5 }] }],
    ['stages[0].where.all[1]', { name: 'p', stages: [{ name: 'a', where: { all: ['true', 'evnt.x'] } }] }],
    ['stages[0].times', { name: 'p', stages: [{ name: 'a', times: 0 }] }],
    ['stages[0].times.to', { name: 'p', stages: [{ name: 'a', times: { from: 1 } }] }],
    ['stages[0].optional', { name: 'p', stages: [{ name: 'a', optional: 'yes' }] }],
    ['stages[0].greedy', { name: 'p', stages: [{ name: 'a', greedy: true }] }],
    ['stages[0].group[1].follows', { name: 'p', stages: [{ group: [{ name: 'a' }, { name: 'b' }] }] }],
    ['stages[1].until', { name: 'p', stages: [{ name: 'a' }, { name: 'b', follows: 'next', until: 'true' }] }],
    ['within', { name: 'p', stages: [{ name: 'a' }], within: 'soon' }],
    ['afterMatch.skip', { name: 'p', stages: [{ name: 'a' }], afterMatch: { skip: 'all' } }],
    ['afterMatch.stage', { name: 'p', stages: [{ name: 'a' }], afterMatch: { skip: 'skipToLast' } }],
  ])('says that %s is wrong in %j', (path, definition) => {
    const error = failure(definition)
    expect(error).toBeInstanceOf(PatternError)
    expect(error.path).toBe(path)
  })

  it('refuses what breaks a rule of whole patterns', () => {
    const error = failure({ name: 'p', stages: [{ name: 'a' }, { name: 'n', follows: 'notFollowedBy' }] })
    expect(error.rule).toBe('open-ended-negative')
  })
})

describe('an expression', () => {
  it('does not hold for an event that lacks what it asks for', () => {
    const built = pattern<unknown>().begin('a').where(expression('event.amount > 5'))
    expect(findMatches(built, [{}, { amount: 'much' }, null, { amount: 6 }]).matches).toEqual([{ a: [{ amount: 6 }] }])
  })

  it('cannot reach anything but the event and what was matched', () => {
    for (const text of ['process.exit()', 'globalThis', 'event.constructor("return 1")()', 'this']) {
      expect(() => expression(text), text).toThrow(PatternError)
    }
    const built = pattern<unknown>().begin('a').where(expression('event.constructor.name == "Object"'))
    expect(findMatches(built, [{}]).matches).toEqual([])
  })
})
