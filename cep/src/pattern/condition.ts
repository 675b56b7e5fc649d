import type { MatchedSoFar } from './match-types.ts'

export type Test = (event: never, matched: MatchedSoFar<never>) => boolean

/** What an event must be, as a tree: functions and expressions, joined. */
export type ConditionNode =
  | { readonly kind: 'test'; readonly test: Test }
  | { readonly kind: 'expression'; readonly text: string; readonly test: Test; readonly sees: readonly string[] }
  | { readonly kind: 'all' | 'any'; readonly of: readonly ConditionNode[] }

/**
 * A condition as text in the Common Expression Language, over `event` and, by name of stage, `matched`. Patterns that use
 * only these can be written as data. Made by `expression`.
 */
export interface ExpressionCondition {
  readonly kind: 'expression'
  readonly text: string
  readonly test: Test
  /** Names of the stages whose events it looks at. */
  readonly sees: readonly string[]
}

export function join(kind: 'all' | 'any', left: ConditionNode | null, right: ConditionNode): ConditionNode {
  if (left === null) return right
  if (left.kind === kind) return { kind, of: [...left.of, right] }
  return { kind, of: [left, right] }
}

/** A condition ready to be asked. One that looks at the event only gives the same answer to all partial matches. */
export interface Condition {
  readonly test: (event: unknown, matched: MatchedSoFar<never>) => boolean
  readonly isIterative: boolean
  readonly text: string
}

export function compileCondition(node: ConditionNode): Condition {
  switch (node.kind) {
    case 'test':
      // A function that names one parameter cannot look at what was matched so far; one with rest parameters names none.
      return { test: node.test as Condition['test'], isIterative: node.test.length !== 1, text: describe(node) }
    case 'expression':
      return { test: node.test as Condition['test'], isIterative: node.sees.length > 0, text: node.text }
    case 'all':
    case 'any': {
      const parts = node.of.map(compileCondition)
      const tests = parts.map(({ test }) => test)
      const test: Condition['test'] =
        node.kind === 'all'
          ? (event, matched) => tests.every((each) => each(event, matched))
          : (event, matched) => tests.some((each) => each(event, matched))
      return { test, isIterative: parts.some(({ isIterative }) => isIterative), text: describe(node) }
    }
  }
}

/** Every stage that an expression of the condition looks at. */
export function stagesSeen(node: ConditionNode): readonly string[] {
  if (node.kind === 'expression') return node.sees
  return node.kind === 'test' ? [] : node.of.flatMap(stagesSeen)
}

/** The condition for people: an expression's text, a function's source where it is short. */
export function describe(node: ConditionNode): string {
  if (node.kind === 'expression') return node.text
  if (node.kind === 'test') {
    const source = node.test.toString().replaceAll(/\s+/g, ' ')
    return source.length <= 60 ? source : `${source.slice(0, 57)}...`
  }
  const texts = node.of.map((each) =>
    each.kind === 'all' || each.kind === 'any' ? `(${describe(each)})` : describe(each),
  )
  return texts.join(node.kind === 'all' ? ' && ' : ' || ')
}
