import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CalendarGrid, CumulativeGrid, FixedGrid, type WindowGrid } from '../../../src/operator/window/window-grid.ts'
import { Calendar } from '../../../src/time/calendar.ts'

const positive = fc.integer({ min: 1, max: 30 })
const DAY = 86_400_000

/** Windows of a grid around zero, found by walking along their ends. */
function walk(grid: WindowGrid, from: number, to: number): { start: number; end: number }[] {
  const windows: { start: number; end: number }[] = []
  for (let end = grid.firstEnd(from); end <= to; end = grid.nextEnd(end))
    windows.push({ start: grid.startOf(end), end })
  return windows
}

function agrees(grid: WindowGrid, windows: readonly { start: number; end: number }[], time: number): void {
  expect(grid.firstEnd(time)).toBe(windows.find(({ end }) => end > time)?.end)
  expect(grid.lastEnd(time)).toBe(windows.findLast(({ start }) => start <= time)?.end)
  const bounds = windows.flatMap(({ start, end }) => [start, end])
  expect(grid.sliceStart(time)).toBe(Math.max(...bounds.filter((bound) => bound <= time)))
  expect(grid.sliceEnd(time)).toBe(Math.min(...bounds.filter((bound) => bound > time)))
}

describe('the places of windows', () => {
  it('are a size and a slide apart', () => {
    fc.assert(
      fc.property(positive, positive, fc.nat(40), fc.integer({ min: -50, max: 50 }), (size, slide, offset, time) => {
        const grid = new FixedGrid(size, slide, offset)
        const windows = walk(grid, -200, 200)
        windows.forEach(({ start, end }, at) => {
          expect(end - start).toBe(size)
          expect((((start - offset) % slide) + slide) % slide).toBe(0)
          if (at > 0) expect(start - (windows[at - 1] as { start: number }).start).toBe(slide)
        })
        agrees(grid, windows, time)
      }),
    )
  })

  it('grow from one start by steps', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        positive,
        fc.nat(40),
        fc.integer({ min: -50, max: 50 }),
        (steps, step, offset, time) => {
          const size = steps * step
          const grid = new CumulativeGrid(size, step, offset)
          const windows = walk(grid, -400, 400)
          for (const { start, end } of windows) {
            expect((((start - offset) % size) + size) % size).toBe(0)
            expect((end - start) % step).toBe(0)
            expect(end - start).toBeLessThanOrEqual(size)
          }
          agrees(grid, windows, time)
        },
      ),
    )
  })

  it('are days of a time zone, whatever its clocks do', () => {
    const calendar = new Calendar('Europe/Berlin')
    const april = Date.parse('2026-04-01T00:00:00Z')
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: 6 }),
        fc.integer({ min: -10 * DAY, max: 10 * DAY }),
        (days, slide, anchor, moved) => {
          const grid = new CalendarGrid(calendar, days, slide, anchor)
          const windows = walk(grid, april - 40 * DAY, april + 40 * DAY)
          const berlinHour = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', timeStyle: 'medium' })
          for (const { start } of windows) expect(berlinHour.format(start)).toBe('00:00:00')
          agrees(grid, windows, april + moved)
        },
      ),
      { numRuns: 50 },
    )
  })
})
