import {
  type CountRow,
  END_KEY,
  type Event,
  MATCH_EVERY,
  MATCH_LENGTH,
  type MatchRow,
  WINDOW_MS,
  type WindowRow,
} from './events.ts'

export interface Comparison {
  readonly expected: number
  readonly seen: number
  readonly missing: number
  readonly duplicates: number
  /** Rows that should not be there, or say something else than they should. */
  readonly wrong: number
}

/** Every record of the input must have given one row, with the count that its place among those of its key demands. */
export function compareCounts(events: readonly Event[], rows: readonly CountRow[]): Comparison {
  const expected = new Set(events.filter(({ key }) => key !== END_KEY).map(({ key, n }) => `${key} ${n}`))
  return compare(
    expected,
    rows.map((row) => ({ id: `${row.key} ${row.n}`, isRight: row.seen === row.n })),
  )
}

/** Every window with records must have given one row, with their number and sum. */
export function compareWindows(events: readonly Event[], rows: readonly WindowRow[]): Comparison {
  const windows = new Map<string, { count: number; sum: number }>()
  for (const { key, n, time } of events) {
    if (key === END_KEY) continue
    const id = `${key} ${Math.floor(time / WINDOW_MS) * WINDOW_MS}`
    const held = windows.get(id) ?? { count: 0, sum: 0 }
    windows.set(id, { count: held.count + 1, sum: held.sum + n })
  }
  return compare(
    new Set(windows.keys()),
    rows.map(({ key, start, count, sum }) => {
      const wanted = windows.get(`${key} ${start}`)
      return { id: `${key} ${start}`, isRight: wanted?.count === count && wanted.sum === sum }
    }),
  )
}

/** Every key must have given a match for each record that one begins with and enough came after. */
export function compareMatches(events: readonly Event[], rows: readonly MatchRow[]): Comparison {
  const last = new Map<number, number>()
  for (const { key, n } of events) if (key !== END_KEY) last.set(key, Math.max(n, last.get(key) ?? 0))
  const expected = new Set<string>()
  for (const [key, most] of last) {
    for (let n = MATCH_EVERY; n + MATCH_LENGTH - 1 <= most; n += MATCH_EVERY) expected.add(`${key} ${n}`)
  }
  return compare(
    expected,
    rows.map(({ key, n }) => ({ id: `${key} ${n}`, isRight: true })),
  )
}

export function isExact({ missing, duplicates, wrong }: Comparison): boolean {
  return missing === 0 && duplicates === 0 && wrong === 0
}

function compare(
  expected: ReadonlySet<string>,
  rows: readonly { readonly id: string; readonly isRight: boolean }[],
): Comparison {
  const seen = new Set<string>()
  let duplicates = 0
  let wrong = 0
  for (const { id, isRight } of rows) {
    if (seen.has(id)) duplicates++
    seen.add(id)
    if (!isRight || !expected.has(id)) wrong++
  }
  let missing = 0
  for (const id of expected) if (!seen.has(id)) missing++
  return { expected: expected.size, seen: rows.length, missing, duplicates, wrong }
}
