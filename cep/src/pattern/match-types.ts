/** One type of an intersection, as editors show it. */
export type Flat<T> = { [Key in keyof T]: T[Key] }

/** What a match holds of each stage: the type of a pattern's matches has it for every name. */
export type AnyMatch = Readonly<Record<string, readonly unknown[]>>

type Element<Events> = Events extends readonly (infer E)[] ? E : never

/** The events of a stage that may be left out. */
type MaybeNone<Events> = [Events] extends [readonly [unknown]]
  ? readonly [] | readonly [Element<Events>]
  : [Events] extends [readonly [] | readonly [unknown]]
    ? Events
    : readonly Element<Events>[]

/** The events of a stage that may come several times. */
type Several<Events> = [Events] extends [readonly [unknown, ...unknown[]]]
  ? readonly [Element<Events>, ...Element<Events>[]]
  : readonly Element<Events>[]

export type Optional<Match> = { readonly [Name in keyof Match]: MaybeNone<Match[Name]> }
export type Repeated<Match> = { readonly [Name in keyof Match]: Several<Match[Name]> }
export type Loose<Match> = { readonly [Name in keyof Match]: readonly Element<Match[Name]>[] }

/** As `Repeated`, or as any number where the count may be 0. */
export type Times<Match, From extends number> = From extends 0 ? Loose<Match> : Repeated<Match>

/** The stage's events, known to be of a narrower type. */
export type Narrowed<Match, U> = {
  readonly [Name in keyof Match]: Match[Name] extends readonly [unknown] ? readonly [U] : readonly U[]
}

export type First<Events> = Events extends readonly [infer E, ...unknown[]]
  ? E
  : Events extends readonly []
    ? undefined
    : Element<Events> | undefined

/** What a condition sees of the partial match that it decides about. */
export interface MatchedSoFar<Match> {
  /** The events taken by a stage so far, in order. */
  all<const Name extends keyof Match>(name: Name): Match[Name]
  /** The first of them; undefined where there may be none. */
  first<const Name extends keyof Match>(name: Name): First<Match[Name]>
  /** The latest of them; undefined where there may be none. */
  last<const Name extends keyof Match>(name: Name): First<Match[Name]>
  /** Time of the event that is being looked at, in milliseconds: event time, or the clock's in processing time. */
  readonly timestamp: number
}
