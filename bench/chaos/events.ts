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

export const topics = { input: 'chaos-in', counts: 'chaos-counts', windows: 'chaos-windows' } as const
export const PARTITIONS = 4
export const WINDOW_MS = 2_000
/** Ends the input: its time is far ahead, so that every window before it closes. It is counted nowhere. */
export const END_KEY = -1

export const eventJson = json<Event>()
export const countJson = json<CountRow>()
export const windowJson = json<WindowRow>()
