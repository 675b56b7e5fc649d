export { pattern, Pattern, PatternStart, type MatchOf, type PatternLike, type SkipOptions } from './pattern/pattern.ts'
