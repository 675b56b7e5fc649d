import { json } from '@millrace/core'

/** The n-th record of a key, counted from 1. */
export interface Event {
  readonly key: number
  readonly n: number
  readonly time: number
}

/** A record of a key as the job saw it: `seen` is the job's own count. */
export interface CountRow {
  readonly key: number
  readonly n: number
  readonly seen: number
}

export interface WindowRow {
  readonly key: number
  readonly start: number
  readonly count: number
  readonly sum: number
}

/** Three records of a key in a row, of which this is the first. */
export interface MatchRow {
  readonly key: number
  readonly n: number
}

export const topics = {
  input: 'chaos-in',
  counts: 'chaos-counts',
  windows: 'chaos-windows',
  matches: 'chaos-matches',
} as const
export const PARTITIONS = 4
/** Every so many records of a key a match begins. */
export const MATCH_EVERY = 5
/** Records of a match. */
export const MATCH_LENGTH = 3
export const WINDOW_MS = 2_000
/** Ends the input: its time is far ahead, so that every window before it closes. It is counted nowhere. */
export const END_KEY = -1

export const eventJson = json<Event>()
export const countJson = json<CountRow>()
export const windowJson = json<WindowRow>()
export const matchJson = json<MatchRow>()
