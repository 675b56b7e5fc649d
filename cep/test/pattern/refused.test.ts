import { describe, expect, it } from 'vitest'
import { compilePattern } from '../../src/automaton/compile.ts'
import { expression, PatternError, type PatternLike, type PatternRule, pattern } from '../../src/index.ts'

interface Event {
  readonly name: string
}

const begin = () => pattern<Event>('mine').begin('a')
const group = () => pattern<Event>('inner').begin('x').next('y')

const refused: readonly (readonly [rule: PatternRule, why: string, build: () => PatternLike<Event, unknown>])[] = [
  ['name-missing', 'a stage without a name', () => begin().next('')],
  ['name-missing', 'a pattern without a name', () => pattern<Event>('').begin('a')],
  ['name-duplicate', 'two stages of one name', () => begin().next('a')],
  ['name-duplicate', 'two stages of one name, one in a group', () => begin().next(pattern<Event>('g').begin('a'))],
  ['negative-quantified', 'a loop of what must not come', () => begin().notNext('n').oneOrMore()],
  ['negative-quantified', 'what must not come, optional', () => begin().notFollowedBy('n').optional().next('b')],
  ['negative-unanchored', 'nothing before what must not come', () => begin().optional().notNext('n').next('b')],
  [
    'group-ends-negative',
    'a group that ends with what must not come',
    () => begin().next(group().notNext('n')).next('b'),
  ],
  ['open-ended-negative', 'notFollowedBy at the end without within', () => begin().notFollowedBy('n')],
  ['open-ended-negative', 'the same before an optional stage', () => begin().notFollowedBy('n').next('b').optional()],
  ['quantifier-twice', 'two quantifiers', () => begin().oneOrMore().times(2)],
  ['optional-twice', 'optional twice', () => begin().optional().optional()],
  ['times-invalid', 'no times', () => begin().times(0)],
  ['times-invalid', 'fewer times at most than at least', () => begin().times(3, 2)],
  ['times-invalid', 'half a time', () => begin().times(1.5)],
  ['times-invalid', 'a negative number of times', () => begin().timesOrMore(-1)],
  ['loop-needed', 'greedy without a loop', () => begin().greedy()],
  ['loop-needed', 'consecutive without a loop', () => begin().consecutive()],
  ['loop-needed', 'combinations without a loop', () => begin().allowCombinations()],
  ['loop-unbounded-needed', 'until without a loop', () => begin().until(() => true)],
  [
    'loop-unbounded-needed',
    'until with a bounded loop',
    () =>
      begin()
        .times(2, 3)
        .until(() => true),
  ],
  [
    'inner-contiguity-twice',
    'consecutive and combinations',
    () => begin().oneOrMore().consecutive().allowCombinations(),
  ],
  ['greedy-twice', 'greedy twice', () => begin().oneOrMore().greedy().greedy()],
  ['greedy-on-group', 'a greedy group', () => begin().next(group()).oneOrMore().greedy()],
  ['greedy-with-combinations', 'combinations, greedy', () => begin().oneOrMore().allowCombinations().greedy()],
  ['greedy-with-combinations', 'greedy, with combinations', () => begin().oneOrMore().greedy().allowCombinations()],
  [
    'until-twice',
    'until twice',
    () =>
      begin()
        .oneOrMore()
        .until(() => true)
        .until(() => true),
  ],
  [
    'condition-on-group',
    'a condition of a group',
    () =>
      begin()
        .next(group())
        .where(() => true),
  ],
  ['condition-invalid', 'a condition that is none', () => begin().where('x' as never)],
  [
    'condition-invalid',
    'an expression over a stage that is not there',
    () => begin().where(expression('size(matched.z) > 0')),
  ],
  ['within-invalid', 'no time', () => begin().within(0)],
  ['within-invalid', 'no duration', () => begin().within('soon' as never)],
  ['within-twice', 'within twice', () => begin().within(5).within(6)],
  ['within-twice', 'within of a step twice', () => begin().next('b').within(5, 'step').within(6, 'step')],
  ['within-in-group', 'within of a group', () => begin().next(group().within(5))],
  ['step-within-first', 'within of the first step', () => begin().within(5, 'step')],
  [
    'step-within-negative',
    'within of a step that must not come, before others',
    () => begin().notFollowedBy('n').within(5, 'step').next('b'),
  ],
  ['skip-twice', 'two skip strategies', () => begin().noSkip().skipToNext()],
  ['skip-in-group', 'a skip strategy of a group', () => begin().next(group().skipToNext())],
  ['skip-unknown', 'skipping to a stage that is not there', () => begin().skipToFirst('z' as never)],
  [
    'skip-unknown',
    'skipping to what must not come',
    () =>
      begin()
        .notNext('n')
        .next('b')
        .skipToLast('n' as never),
  ],
  ['group-not-a-pattern', 'a group that is none', () => begin().next({} as never)],
  [
    'too-many-ways',
    'too many optional stages in a row',
    () => {
      let built = begin() as { next(name: string): { optional(): unknown } }
      for (let at = 0; at < 31; at++) built = built.next(`s${at}`).optional() as typeof built
      return built as unknown as PatternLike<Event, unknown>
    },
  ],
]

describe('a pattern is refused by its name and the rule', () => {
  it.each(refused)('%s: %s', (rule, _, build) => {
    try {
      compilePattern(build().tree)
    } catch (error) {
      expect(error).toBeInstanceOf(PatternError)
      const refusal = error as PatternError
      expect([refusal.code, refusal.rule]).toEqual(['PATTERN_INVALID', rule])
      expect(refusal.message).toContain(`Pattern '${refusal.pattern}'`)
      expect(refusal.message).toContain(`(rule ${rule})`)
      return
    }
    expect.fail('it was not refused')
  })
})
