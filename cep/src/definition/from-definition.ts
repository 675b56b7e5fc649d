import { compilePattern } from '../automaton/compile.ts'
import type { ConditionNode, ExpressionCondition } from '../pattern/condition.ts'
import { type PatternLike, pattern } from '../pattern/pattern.ts'
import { PatternError } from '../pattern/pattern-error.ts'
import type { PatternDefinition } from './definition.ts'
import { expression } from './expression.ts'

/** What is known of the matches of a pattern that came as data: by name, the events of each stage. */
export type DataMatch<T> = Readonly<Record<string, readonly T[]>>

/**
 * The pattern that a definition describes; unknown fields are refused.
 *
 * @throws PATTERN_INVALID with the path of what is wrong
 */
export function fromDefinition<T>(definition: PatternDefinition): PatternLike<T, DataMatch<T>> {
  const built = new Reader(definition).read()
  compilePattern(built.tree)
  return built as unknown as PatternLike<T, DataMatch<T>>
}

/** The builder, with types that are only known when it runs. */
interface Builder extends PatternLike<never, unknown> {
  where(condition: ConditionNode): Builder
  optional(): Builder
  times(from: number, to: number): Builder
  greedy(): Builder
  consecutive(): Builder
  allowCombinations(): Builder
  until(condition: ConditionNode): Builder
  within(duration: unknown, of: 'whole' | 'step'): Builder
  noSkip(): Builder
  skipToNext(): Builder
  skipPastLastEvent(): Builder
  skipToFirst(name: string, options: object): Builder
  skipToLast(name: string, options: object): Builder
  next(stage: unknown): Builder
  followedBy(stage: unknown): Builder
  followedByAny(stage: unknown): Builder
  notNext(stage: unknown): Builder
  notFollowedBy(stage: unknown): Builder
}

type Fields = Readonly<Record<string, unknown>>

const follows = ['next', 'followedBy', 'followedByAny', 'notNext', 'notFollowedBy'] as const
const skips = ['noSkip', 'skipToNext', 'skipPastLastEvent', 'skipToFirst', 'skipToLast'] as const
const ofPart = ['follows', 'times', 'optional', 'greedy', 'repeats', 'until', 'within']

class Reader {
  readonly #definition: unknown
  #name = 'pattern'

  constructor(definition: unknown) {
    this.#definition = definition
  }

  read(): Builder {
    const fields = this.#fields(this.#definition, '', ['name', 'stages', 'within', 'afterMatch'])
    if (typeof fields.name !== 'string' || fields.name === '') this.#fail('name', 'must be a text that is not empty')
    this.#name = fields.name as string
    let built = this.#sequence(fields.stages, 'stages')
    if (fields.within !== undefined) built = this.#at('within', () => built.within(fields.within, 'whole'))
    if (fields.afterMatch !== undefined) built = this.#afterMatch(built, fields.afterMatch)
    return built
  }

  #sequence(parts: unknown, path: string): Builder {
    if (!Array.isArray(parts) || parts.length === 0) this.#fail(path, 'must be a list with at least one stage')
    let built: Builder | null = null
    for (const [at, each] of (parts as unknown[]).entries()) built = this.#part(built, each, `${path}[${at}]`)
    return built as Builder
  }

  #part(before: Builder | null, part: unknown, path: string): Builder {
    const isGroup = typeof part === 'object' && part !== null && 'group' in part
    const fields = this.#fields(part, path, isGroup ? ['group', ...ofPart] : ['name', 'where', ...ofPart])
    if (!isGroup && (typeof fields.name !== 'string' || fields.name === '')) {
      this.#fail(`${path}.name`, 'must be a text that is not empty')
    }
    const stage = isGroup ? this.#sequence(fields.group, `${path}.group`) : fields.name
    const joining = fields.follows
    let built: Builder
    if (before === null) {
      if (joining !== undefined) this.#fail(`${path}.follows`, 'is not for the first stage: it follows nothing')
      const start = pattern(this.#name) as unknown as { begin(stage: unknown): Builder }
      built = this.#at(path, () => start.begin(stage))
    } else {
      const method = this.#oneOf(joining, `${path}.follows`, follows)
      if (isGroup && (method === 'notNext' || method === 'notFollowedBy')) {
        this.#fail(`${path}.follows`, `a group cannot be ${method}`)
      }
      built = this.#at(path, () => before[method](stage))
    }
    return this.#details(built, fields, path)
  }

  #details(stage: Builder, fields: Fields, path: string): Builder {
    let built = stage
    const apply = (field: string, change: (value: unknown, at: string) => Builder): void => {
      const value = fields[field]
      if (value !== undefined) built = this.#at(`${path}.${field}`, () => change(value, `${path}.${field}`))
    }
    const flag = (method: 'optional' | 'greedy') => (value: unknown, at: string) => {
      if (typeof value !== 'boolean') this.#fail(at, 'must be true or false')
      return value === true ? built[method]() : built
    }
    apply('where', (value, at) => built.where(this.#condition(value, at)))
    apply('times', (value, at) => built.times(...this.#times(value, at)))
    apply('repeats', (value, at) => {
      const how = this.#oneOf(value, at, ['consecutive', 'combinations'] as const)
      return how === 'consecutive' ? built.consecutive() : built.allowCombinations()
    })
    apply('optional', flag('optional'))
    apply('greedy', flag('greedy'))
    apply('until', (value, at) => built.until(this.#condition(value, at)))
    apply('within', (value) => built.within(value, 'step'))
    return built
  }

  #times(value: unknown, path: string): [number, number] {
    if (typeof value === 'number') return [value, value]
    const { from, to } = this.#fields(value, path, ['from', 'to'])
    if (typeof from !== 'number') this.#fail(`${path}.from`, 'must be a number')
    if (typeof to !== 'number' && to !== null) this.#fail(`${path}.to`, 'must be a number, or null for no bound')
    return [from as number, to === null ? Number.POSITIVE_INFINITY : (to as number)]
  }

  #condition(value: unknown, path: string): ConditionNode {
    if (typeof value === 'string') return this.#at(path, (): ExpressionCondition => expression(value))
    const fields = this.#fields(value, path, ['all', 'any'])
    const kinds = (['all', 'any'] as const).filter((kind) => fields[kind] !== undefined)
    const [kind] = kinds
    if (kind === undefined || kinds.length > 1)
      this.#fail(path, 'must be the text of an expression, or one of all and any')
    const parts = fields[kind as 'all'] as unknown
    if (!Array.isArray(parts) || parts.length === 0) this.#fail(`${path}.${kind}`, 'must be a list of conditions')
    const of = (parts as unknown[]).map((each, at) => this.#condition(each, `${path}.${kind}[${at}]`))
    return { kind: kind as 'all', of }
  }

  #afterMatch(built: Builder, value: unknown): Builder {
    const path = 'afterMatch'
    const fields = this.#fields(value, path, ['skip', 'stage', 'missing'])
    const skip = this.#oneOf(fields.skip, `${path}.skip`, skips)
    if (skip !== 'skipToFirst' && skip !== 'skipToLast') {
      for (const field of ['stage', 'missing']) {
        if (fields[field] !== undefined) this.#fail(`${path}.${field}`, `is not for ${skip}`)
      }
      return this.#at(path, () => built[skip]())
    }
    if (typeof fields.stage !== 'string') this.#fail(`${path}.stage`, 'must be the name of a stage')
    const missing = fields.missing ?? 'ignore'
    this.#oneOf(missing, `${path}.missing`, ['ignore', 'error'] as const)
    return this.#at(path, () => built[skip](fields.stage as string, { missing }))
  }

  #fields(value: unknown, path: string, known: readonly string[]): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#fail(path, `must be an object with ${known.join(', ')}, but is ${JSON.stringify(value)}`)
    }
    const unknown = Object.keys(value as object).find((field) => !known.includes(field))
    if (unknown !== undefined) {
      this.#fail(path === '' ? unknown : `${path}.${unknown}`, `is not known here; there are ${known.join(', ')}`)
    }
    return value as Fields
  }

  #oneOf<const Options extends readonly string[]>(value: unknown, path: string, options: Options): Options[number] {
    if (!options.includes(value as string))
      this.#fail(path, `must be one of ${options.join(', ')}, but is ${JSON.stringify(value)}`)
    return value as Options[number]
  }

  /** Adds the path to what the builder says. */
  #at<T>(path: string, build: () => T): T {
    try {
      return build()
    } catch (error) {
      if (!(error instanceof PatternError) || error.path !== null) throw error
      throw new PatternError(this.#name, error.rule, error.reason, { path, cause: error })
    }
  }

  #fail(path: string, text: string): never {
    throw new PatternError(this.#name, 'definition-invalid', text, { path: path === '' ? 'the definition' : path })
  }
}
