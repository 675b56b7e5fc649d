export type {
  ConditionDefinition,
  GroupDefinition,
  PatternDefinition,
  StageDefinition,
} from './definition/definition.ts'
export { expression } from './definition/expression.ts'
export { type DataMatch, fromDefinition } from './definition/from-definition.ts'
export { toDefinition } from './definition/to-definition.ts'
export { explainPattern, type PatternExplanation } from './explain/explain-pattern.ts'
export { type FindOptions, type FoundMatches, findMatches } from './explain/find-matches.ts'
export type { TraceEntry } from './matcher/trace.ts'
export type { ExpressionCondition } from './pattern/condition.ts'
export type { AnyMatch, First, Loose, MatchedSoFar } from './pattern/match-types.ts'
export { type MatchOf, Pattern, type PatternLike, PatternStart, pattern, type SkipOptions } from './pattern/pattern.ts'
export { PatternError, type PatternRule } from './pattern/pattern-error.ts'
export { match } from './stream/match.ts'
export type { LimitOptions, MatchOptions } from './stream/match-options.ts'
export { matchRules, type RuleMatch, RuleMatches } from './stream/match-rules.ts'
export { Matches, type MatchProcess } from './stream/matches.ts'
export type { FoundMatch, KeyTrace, OfRule, TimedOutMatch } from './stream/results.ts'
export type { RejectedRule, RuleChange } from './stream/rule-book.ts'
