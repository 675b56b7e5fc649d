import fc from 'fast-check'
import type { ConditionNode } from '../../src/pattern/condition.ts'
import type { AfterMatch, Contiguity, Joining, PatternNode, PatternTree, Quantifier } from '../../src/pattern/nodes.ts'

export interface Letter {
  readonly letter: string
  readonly n: number
}

const letters = ['a', 'b', 'c'] as const

type Sees = { all(name: string): readonly Letter[] }

// As expressions, so that a counterexample can be read.
const condition = (
  text: string,
  test: (event: Letter, matched: Sees) => boolean,
  isIterative = false,
): ConditionNode => ({
  kind: 'expression',
  text,
  test: test as never,
  sees: isIterative ? ['s0'] : [],
})

/** Conditions: a letter, all but one, and one that looks at what was matched so far. */
const conditions: fc.Arbitrary<ConditionNode | null> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(...letters).map((letter) => condition(letter, (event) => event.letter === letter)),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(...letters)
      .map((letter) => condition(`not ${letter}`, (event) => event.letter !== letter)),
  },
  {
    weight: 1,
    arbitrary: fc.constant(
      condition('n not in s0', ({ n }, matched) => matched.all('s0').every((before) => before.n !== n), true),
    ),
  },
  { weight: 1, arbitrary: fc.constant(null) },
)

const contiguities: fc.Arbitrary<Contiguity> = fc.constantFrom('next', 'followedBy', 'followedByAny')

const quantifiers = (isGroup: boolean): fc.Arbitrary<Quantifier> =>
  fc
    .record({
      bounds: fc.constantFrom<[number, number]>(
        [1, 1],
        [1, 1],
        [1, 1],
        [1, Infinity],
        [2, Infinity],
        [2, 2],
        [1, 2],
        [2, 3],
      ),
      isOptional: fc.boolean(),
      isGreedy: fc.boolean(),
      inner: contiguities,
    })
    .map(({ bounds: [min, max], isOptional, isGreedy, inner }) => {
      const isLoop = max > 1
      const greedy = isGreedy && !isGroup && (isLoop || isOptional) && inner !== 'followedByAny'
      return { min, max, isOptional, isGreedy: greedy, inner: isLoop ? inner : 'followedBy', isLoop }
    })

const none: Quantifier = { min: 1, max: 1, isOptional: false, isGreedy: false, inner: 'followedBy', isLoop: false }

const stage = (join: fc.Arbitrary<Joining>): fc.Arbitrary<PatternNode> =>
  fc
    .record({
      join,
      condition: conditions,
      quantifier: quantifiers(false),
      until: fc.option(conditions, { freq: 5 }),
      withinMs: fc.option(fc.integer({ min: 1, max: 6 }), { freq: 8 }),
    })
    .map(({ join, condition, quantifier, until, withinMs }) => ({
      kind: 'stage' as const,
      name: '',
      join,
      condition,
      quantifier: join.startsWith('not') ? none : quantifier,
      until: quantifier.max === Infinity && !join.startsWith('not') ? until : null,
      withinMs: join.startsWith('not') ? null : withinMs,
    }))

const joins = fc.oneof(
  { weight: 5, arbitrary: contiguities as fc.Arbitrary<Joining> },
  { weight: 1, arbitrary: fc.constantFrom<Joining>('notNext', 'notFollowedBy') },
)

const sequence = (depth: number): fc.Arbitrary<PatternNode[]> =>
  fc
    .tuple(node(fc.constant('begin'), depth), fc.array(node(joins, depth), { maxLength: depth === 0 ? 1 : 2 }))
    .map(([first, rest]) => [first, ...rest])

function node(join: fc.Arbitrary<Joining>, depth: number): fc.Arbitrary<PatternNode> {
  if (depth === 0) return stage(join)
  return fc.oneof(
    { weight: 3, arbitrary: stage(join) },
    {
      weight: 1,
      arbitrary: fc
        .record({
          join,
          sequence: sequence(depth - 1),
          quantifier: quantifiers(true),
          until: fc.option(conditions, { freq: 5 }),
          withinMs: fc.option(fc.integer({ min: 1, max: 6 }), { freq: 8 }),
        })
        .map(({ join, sequence, quantifier, until, withinMs }) => ({
          kind: 'group' as const,
          join: join.startsWith('not') ? ('followedBy' as const) : join,
          sequence,
          quantifier,
          until: quantifier.max === Infinity ? until : null,
          withinMs,
        })),
    },
  )
}

function named(nodes: readonly PatternNode[], next: { at: number }): PatternNode[] {
  return nodes.map((node) =>
    node.kind === 'stage' ? { ...node, name: `s${next.at++}` } : { ...node, sequence: named(node.sequence, next) },
  )
}

const skips: fc.Arbitrary<AfterMatch | null> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constant<AfterMatch>({ kind: 'skipToNext' }) },
  { weight: 1, arbitrary: fc.constant<AfterMatch>({ kind: 'skipPastLastEvent' }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('skipToFirst' as const, 'skipToLast' as const)
      .map((kind) => ({ kind, stage: 's0', missing: 'ignore' as const })),
  },
)

/** Patterns of all kinds; some break a rule and are refused when they are compiled. */
export const patterns: fc.Arbitrary<PatternTree> = fc
  .record({
    sequence: sequence(2),
    withinMs: fc.option(fc.integer({ min: 2, max: 8 }), { freq: 2 }),
    afterMatch: skips,
  })
  .map(({ sequence, withinMs, afterMatch }) => ({
    name: 'random',
    sequence: named(sequence, { at: 0 }),
    withinMs,
    afterMatch,
  }))

export const inputs = fc
  .array(
    fc.record({
      letter: fc.constantFrom(...letters),
      n: fc.integer({ min: 0, max: 2 }),
      after: fc.integer({ min: 0, max: 2 }),
    }),
    { maxLength: 9 },
  )
  .map((events) => {
    let timestamp = 0
    return events.map(({ letter, n, after }) => {
      timestamp += after
      return { event: { letter, n } satisfies Letter, timestamp }
    })
  })
