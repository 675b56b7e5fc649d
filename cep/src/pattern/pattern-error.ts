import { StreamError } from '@millrace/core'

/** The rules that a pattern must keep; their names are stable. */
export type PatternRule =
  | 'name-missing'
  | 'name-duplicate'
  | 'pattern-empty'
  | 'group-not-a-pattern'
  | 'starts-negative'
  | 'negative-unanchored'
  | 'negative-quantified'
  | 'group-ends-negative'
  | 'open-ended-negative'
  | 'quantifier-twice'
  | 'optional-twice'
  | 'times-invalid'
  | 'loop-needed'
  | 'loop-unbounded-needed'
  | 'inner-contiguity-twice'
  | 'greedy-twice'
  | 'greedy-on-group'
  | 'greedy-with-combinations'
  | 'until-twice'
  | 'condition-on-group'
  | 'condition-invalid'
  | 'within-invalid'
  | 'within-twice'
  | 'within-in-group'
  | 'step-within-first'
  | 'step-within-negative'
  | 'skip-twice'
  | 'skip-in-group'
  | 'skip-unknown'
  | 'too-many-ways'
  | 'not-data'
  | 'definition-invalid'

/** A pattern breaks a rule; `code` is PATTERN_INVALID. */
export class PatternError extends StreamError {
  readonly pattern: string
  readonly rule: PatternRule
  /** What is wrong, without the place. */
  readonly reason: string
  /** Where in a pattern given as data; null for one built by code. */
  readonly path: string | null

  constructor(pattern: string, rule: PatternRule, text: string, options: { path?: string; cause?: unknown } = {}) {
    const { path, cause } = options
    const place = path === undefined ? '' : ` at ${path}`
    super(
      'PATTERN_INVALID',
      `Pattern '${pattern}'${place}: ${text} (rule ${rule})`,
      cause === undefined ? {} : { cause },
    )
    this.pattern = pattern
    this.rule = rule
    this.reason = text
    this.path = path ?? null
  }
}
