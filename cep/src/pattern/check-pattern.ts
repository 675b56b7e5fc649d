import { stagesSeen } from './condition.ts'
import { isNegative, isNullable, type PatternNode, type PatternTree, stagesOf } from './nodes.ts'
import { PatternError } from './pattern-error.ts'

/** The rules that only a whole pattern can break. @throws PATTERN_INVALID */
export function checkPattern(tree: PatternTree): void {
  checkNames(tree)
  checkSequence(tree, tree.sequence)
  const first = tree.sequence[0] as PatternNode
  if (first.withinMs !== null && first.quantifier.max === 1) {
    const text = `what it begins with has no event before it to be within ${first.withinMs} ms of`
    throw new PatternError(tree.name, 'step-within-first', text)
  }
  checkSeen(tree, tree.sequence)
  checkSkip(tree)
}

/** The negative stages that a sequence ends with. */
export function trailingNegatives(sequence: readonly PatternNode[]): readonly PatternNode[] {
  let at = sequence.length
  while (at > 0 && isNegative(sequence[at - 1] as PatternNode)) at--
  return sequence.slice(at)
}

function checkNames(tree: PatternTree): void {
  const seen = new Set<string>()
  for (const { name } of stagesOf(tree.sequence)) {
    if (seen.has(name)) throw new PatternError(tree.name, 'name-duplicate', `two stages have the name '${name}'`)
    seen.add(name)
  }
}

function checkSequence({ name }: PatternTree, sequence: readonly PatternNode[], isGroup = false): void {
  if (sequence.length === 0) {
    throw new PatternError(name, 'pattern-empty', isGroup ? 'a group has no stages' : 'it has no stages')
  }
  const [first] = sequence as readonly [PatternNode, ...PatternNode[]]
  if (isNegative(first)) {
    throw new PatternError(name, 'starts-negative', `it begins with '${first.name}', which must not come: after what?`)
  }
  for (const [at, node] of sequence.entries()) {
    if (node.kind === 'group') checkSequence({ name } as PatternTree, node.sequence, true)
    if (!isNegative(node)) continue
    if (sequence.slice(0, at).every(isNullable)) {
      const text = `'${node.name}' must not come, but all before it may be left out: after what must it not come?`
      throw new PatternError(name, 'negative-unanchored', text)
    }
    if (node.withinMs !== null && (isGroup || at !== sequence.length - 1 || node.join === 'notNext')) {
      const text = `'${node.name}' has a within for its step, which is for a notFollowedBy at the end of a pattern`
      throw new PatternError(name, 'step-within-negative', text)
    }
  }
  const last = sequence.at(-1) as PatternNode
  if (isGroup && isNegative(last)) {
    throw new PatternError(
      name,
      'group-ends-negative',
      `a group ends with '${last.name}', which must not come; put it after the group`,
    )
  }
}

/** An expression that looks at a stage which is not there would fail with the first event. */
function checkSeen(tree: PatternTree, sequence: readonly PatternNode[]): void {
  const known = positiveNames(tree)
  for (const node of sequence) {
    if (node.kind === 'group') checkSeen(tree, node.sequence)
    for (const condition of [node.kind === 'stage' ? node.condition : null, node.until]) {
      const unknown = condition === null ? undefined : stagesSeen(condition).find((name) => !known.includes(name))
      if (unknown === undefined) continue
      const text = `a condition looks at matched.${unknown}; stages that take events are ${known.join(', ')}`
      throw new PatternError(tree.name, 'condition-invalid', text)
    }
  }
}

function positiveNames({ sequence }: PatternTree): readonly string[] {
  return [...stagesOf(sequence)].filter((stage) => !isNegative(stage)).map(({ name }) => name)
}

function checkSkip(tree: PatternTree): void {
  const { name, afterMatch } = tree
  if (afterMatch === null || !('stage' in afterMatch)) return
  const positive = positiveNames(tree)
  if (positive.includes(afterMatch.stage)) return
  const text = `it skips to '${afterMatch.stage}' after a match; its stages are ${positive.join(', ')}`
  throw new PatternError(name, 'skip-unknown', text)
}
