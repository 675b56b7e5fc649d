import { type ASTNode, Environment, EvaluationError, type ParseResult } from '@marcbachmann/cel-js'
import type { ExpressionCondition, Test } from '../pattern/condition.ts'
import { PatternError } from '../pattern/pattern-error.ts'

/*
 * Conditions as text are in the Common Expression Language (CEL): it has no loops and no effects, and is interpreted, so text
 * of anybody can be run. Numbers of events are doubles there; the operators that CEL has for two numbers of one type only are
 * given for both, since `event.amount * 2` should just work.
 */

const numeric: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
}

function createEnvironment(): Environment {
  const environment = new Environment({ homogeneousAggregateLiterals: false })
    .registerVariable('event', 'dyn')
    .registerVariable('matched', 'dyn')
  for (const [operator, calculate] of Object.entries(numeric)) {
    const handler = (a: unknown, b: unknown): number => calculate(Number(a), Number(b))
    environment.registerOperator(`int ${operator} double: double`, handler)
    environment.registerOperator(`double ${operator} int: double`, handler)
  }
  return environment.registerOperator('double % double: double', (a: number, b: number) => a % b)
}

const environment = createEnvironment()

/** Reads a stage's events by its name, as `matched.small[0]` asks for them. */
interface Sees {
  all(name: string): readonly unknown[]
}

/**
 * A condition as text, in the Common Expression Language: `event` is the event, `matched.name` the list of those that a stage
 * has taken so far. Patterns whose conditions are all of this kind can be written as data.
 *
 * @example
 * pattern<Payment>('probe').begin('small').where(expression('event.amount < 5'))
 *   .next('large').where(expression('event.amount > 100 * matched.small[0].amount'))
 *
 * @throws PATTERN_INVALID when the text is no expression, or not one that is true or false
 */
export function expression(text: string): ExpressionCondition {
  const program = parse(text)
  const names = new Set<string>()
  namesMatched(program.ast, names)
  if (names.size === 0) {
    const test = (event: unknown): boolean => holds(program, event, {})
    return { kind: 'expression', text, test: test as Test, sees: [] }
  }
  const test = (event: unknown, matched: Sees): boolean => {
    const lists: Record<string, readonly unknown[]> = {}
    for (const name of names) lists[name] = matched.all(name)
    return holds(program, event, lists)
  }
  return { kind: 'expression', text, test: test as unknown as Test, sees: [...names] }
}

function parse(text: string): ParseResult {
  let program: ParseResult
  try {
    program = environment.parse(text)
  } catch (cause) {
    throw invalid(`'${text}' is no expression: ${(cause as Error).message}`, cause)
  }
  const { valid, type, error } = program.check()
  if (!valid) throw invalid(`'${text}' cannot be evaluated: ${error?.message}`, error)
  if (type !== 'bool' && type !== 'dyn') {
    throw invalid(`'${text}' gives ${type}; a condition must be true or false`)
  }
  return program
}

function invalid(text: string, cause?: unknown): PatternError {
  return new PatternError('(expression)', 'condition-invalid', text, cause === undefined ? {} : { cause })
}

/** An event that lacks a field, or has one of another type than is asked for, is not what is looked for. */
function holds(program: ParseResult, event: unknown, matched: object): boolean {
  try {
    return program({ event, matched }) === true
  } catch (error) {
    if (error instanceof EvaluationError) return false
    throw error
  }
}

/** Collects `name` of every `matched.name`. */
function namesMatched(node: unknown, names: Set<string>): void {
  if (Array.isArray(node)) {
    for (const each of node) namesMatched(each, names)
    return
  }
  if (typeof node !== 'object' || node === null || !('op' in node)) return
  const { op, args } = node as ASTNode
  if ((op === '.' || op === '[]' || op === '.?' || op === '[?]') && Array.isArray(args)) {
    const [owner, name] = args as readonly [unknown, unknown]
    if (isMatched(owner)) {
      const text = typeof name === 'string' ? name : literal(name)
      if (text === null) throw invalid('matched must be followed by the name of a stage, as matched.name')
      names.add(text)
      return
    }
  }
  if (isMatched(node)) throw invalid('matched must be followed by the name of a stage, as matched.name')
  namesMatched(args, names)
}

function isMatched(node: unknown): boolean {
  return (
    typeof node === 'object' && node !== null && (node as ASTNode).op === 'id' && (node as ASTNode).args === 'matched'
  )
}

function literal(node: unknown): string | null {
  if (typeof node !== 'object' || node === null) return null
  const { op, args } = node as ASTNode
  return op === 'value' && typeof args === 'string' ? args : null
}
