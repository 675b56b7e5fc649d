import type { ConditionNode } from '../pattern/condition.ts'
import type { Contiguity, PatternNode } from '../pattern/nodes.ts'
import type { PatternLike } from '../pattern/pattern.ts'
import { PatternError } from '../pattern/pattern-error.ts'
import type { ConditionDefinition, GroupDefinition, PatternDefinition, StageDefinition } from './definition.ts'

/**
 * The pattern as data. Its conditions must be expressions.
 *
 * @throws PATTERN_INVALID with the path of a condition that is a function
 */
export function toDefinition<T, Match>({ tree }: PatternLike<T, Match>): PatternDefinition {
  const { afterMatch } = tree
  const after =
    afterMatch === null
      ? {}
      : 'stage' in afterMatch
        ? { afterMatch: { skip: afterMatch.kind, stage: afterMatch.stage, missing: afterMatch.missing } }
        : { afterMatch: { skip: afterMatch.kind } }
  return {
    name: tree.name,
    stages: tree.sequence.map((node, at) => part(tree.name, node, `stages[${at}]`)),
    ...(tree.withinMs === null ? {} : { within: tree.withinMs }),
    ...after,
  }
}

function part(pattern: string, node: PatternNode, path: string): StageDefinition | GroupDefinition {
  const { min, max, isOptional, isGreedy, isLoop, inner } = node.quantifier
  const to = max === Number.POSITIVE_INFINITY ? null : max
  const repeats: Partial<Record<Contiguity, 'consecutive' | 'combinations'>> = {
    next: 'consecutive',
    followedByAny: 'combinations',
  }
  const common = {
    ...(node.join === 'begin' ? {} : { follows: node.join }),
    ...(isLoop ? { times: min === to ? min : { from: min, to } } : {}),
    ...(isOptional ? { optional: true } : {}),
    ...(isGreedy ? { greedy: true } : {}),
    ...(repeats[inner] === undefined ? {} : { repeats: repeats[inner] }),
    ...(node.until === null ? {} : { until: condition(pattern, node.until, `${path}.until`) }),
    ...(node.withinMs === null ? {} : { within: node.withinMs }),
  }
  if (node.kind === 'group') {
    return { group: node.sequence.map((each, at) => part(pattern, each, `${path}.group[${at}]`)), ...common }
  }
  const where = node.condition === null ? {} : { where: condition(pattern, node.condition, `${path}.where`) }
  return { name: node.name, ...where, ...common }
}

function condition(pattern: string, node: ConditionNode, path: string): ConditionDefinition {
  if (node.kind === 'expression') return node.text
  if (node.kind === 'test') {
    const text = 'the condition is a function, which is no data; write it as an expression'
    throw new PatternError(pattern, 'not-data', text, { path })
  }
  const parts = node.of.map((each, at) => condition(pattern, each, `${path}.${node.kind}[${at}]`))
  return node.kind === 'all' ? { all: parts } : { any: parts }
}
