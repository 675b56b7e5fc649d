import { expect, it } from 'vitest'
import type { Event } from '../chaos/events.ts'
import { faultKinds, makeSchedule } from '../chaos/schedule.ts'
import { compareCounts, compareMatches, compareWindows, isExact } from '../chaos/verify.ts'

const events: Event[] = [1, 2, 3].flatMap((n) => [0, 1].map((key) => ({ key, n, time: n * 900 })))
const counts = events.map(({ key, n }) => ({ key, n, seen: n }))
const windows = [0, 1].flatMap((key) => [
  { key, start: 0, count: 2, sum: 3 },
  { key, start: 2_000, count: 1, sum: 3 },
])

it('the schedule is the same for the same seed, and has every fault', () => {
  const schedule = makeSchedule(3, 60_000, 6_000)
  expect(makeSchedule(3, 60_000, 6_000)).toEqual(schedule)
  expect(makeSchedule(4, 60_000, 6_000)).not.toEqual(schedule)
  expect(new Set(schedule.map(({ kind }) => kind))).toEqual(new Set(faultKinds))
  expect(schedule.map(({ atMs }) => atMs)).toEqual(schedule.map(({ atMs }) => atMs).toSorted((a, b) => a - b))
})

it('the comparison finds exact output exact', () => {
  expect(isExact(compareCounts(events, counts))).toBe(true)
  expect(isExact(compareWindows(events, windows))).toBe(true)
})

it('the comparison knows which records in a row there are', () => {
  const row = Array.from({ length: 12 }, (_, at): Event => ({ key: 0, n: at + 1, time: at }))
  expect(
    isExact(
      compareMatches(row, [
        { key: 0, n: 5 },
        { key: 0, n: 10 },
      ]),
    ),
  ).toBe(true)
  expect(
    compareMatches(row.slice(0, 11), [
      { key: 0, n: 5 },
      { key: 0, n: 10 },
    ]),
  ).toMatchObject({ wrong: 1 })
  expect(
    compareMatches(row, [
      { key: 0, n: 5 },
      { key: 0, n: 5 },
    ]),
  ).toMatchObject({ missing: 1, duplicates: 1 })
})

it('the comparison finds rows that are missing, twice, out of order or wrong', () => {
  expect(compareCounts(events, counts.slice(1))).toMatchObject({ missing: 1 })
  expect(compareCounts(events, [...counts, ...counts.slice(0, 1)])).toMatchObject({ duplicates: 1 })
  const swapped = counts.map((row) => (row.key === 0 ? { ...row, seen: 4 - row.n } : row))
  expect(compareCounts(events, swapped)).toMatchObject({ wrong: 2 })
  expect(compareCounts(events, [...counts, { key: 9, n: 1, seen: 1 }])).toMatchObject({ wrong: 1 })
  expect(compareWindows(events, windows.slice(1))).toMatchObject({ missing: 1 })
  expect(
    compareWindows(
      events,
      windows.map((row) => ({ ...row, count: row.count + 1 })),
    ),
  ).toMatchObject({ wrong: 4 })
})
