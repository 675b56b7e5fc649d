import { type DataStream, job, memoryLog, memoryState, watermarks } from '@millrace/core'
import { operatorHarness } from '@millrace/core/testing'
import { describe, expect, it } from 'vitest'
import { compilePattern } from '../../src/automaton/compile.ts'
import { match, pattern } from '../../src/index.ts'
import { Matcher } from '../../src/matcher/matcher.ts'
import { PartialMatches } from '../../src/matcher/partial-matches.ts'

interface Click {
  readonly user: number
  readonly kind: number
  readonly time: number
}

/** `MILLRACE_CEP_EVENTS=10000000 MILLRACE_CEP_KEYS=100000` is the long form. */
const EVENTS = Number(process.env.MILLRACE_CEP_EVENTS ?? 200_000)
const KEYS = Number(process.env.MILLRACE_CEP_KEYS ?? 2_000)
const WITHIN_MS = 1_000

const pair = pattern<Click>('pair')
  .begin('a')
  .where((click) => click.kind === 0)
  .followedBy('b')
  .where((click) => click.kind === 1)
  .within(WITHIN_MS)

/** A hundred events a millisecond, at random but always the same; half of them begin a partial match. */
function click(at: number): Click {
  const random = Math.imul(at + 1, 2_654_435_761) >>> 0
  return {
    user: random % KEYS,
    kind: (random >>> 16) % 4 < 2 ? 0 : (random >>> 16) % 64 === 2 ? 1 : 2,
    time: Math.floor(at / 100),
  }
}

describe('a pattern with within', () => {
  it('keeps what is open in its time, however many events there are', { timeout: 600_000 }, () => {
    const matcher = new Matcher(compilePattern(pair.tree))
    const keys = new Map<number, PartialMatches>()
    const findings = { onMatch: () => {}, onTimeout: () => {}, onDropped: () => {} }
    let most = 0
    for (let at = 0; at < EVENTS; at++) {
      const event = click(at)
      const kept = keys.get(event.user) ?? null
      matcher.onEvent(
        kept,
        () => keys.set(event.user, new PartialMatches()).get(event.user) as PartialMatches,
        event,
        event.time,
        findings,
      )
      // As the timers of a job do it.
      if (at % 10_000 === 9_999) {
        let entries = 0
        for (const [user, matches] of keys) {
          matcher.onTime(matches, event.time, findings)
          if (matches.isEmpty) keys.delete(user)
          entries += matches.buffer.size
        }
        most = Math.max(most, entries)
      }
    }
    // In a window there are this many events, of which half begin a partial match.
    const inWindow = WITHIN_MS * 100
    expect(most).toBeGreaterThan(Math.min(inWindow, EVENTS) / 8)
    expect(most).toBeLessThan(inWindow)
  })

  it('leaves nothing behind in a job when its time has passed', async () => {
    const harness = await operatorHarness((clicks: DataStream<Click>) => match(clicks.keyBy('user'), pair).found)
    for (let at = 0; at < 1_000; at++) harness.send({ user: at % 10, kind: at % 7 === 0 ? 0 : 3, time: at }, at)
    harness.watermark(999)
    expect(harness.timers().length).toBeGreaterThan(0)
    harness.watermark(999 + WITHIN_MS)
    expect(harness.timers()).toEqual([])
  })
})

it('a job over a bounded stream ends with its partial matches timed out', async () => {
  const out: unknown[] = []
  const ended = job('ended', (env) => {
    const stream = env.generate({ make: click, count: 1_000 }, { time: watermarks.monotonous((each) => each.time) })
    match(stream.keyBy('user'), pair).timedOut.collect(out)
  })
  await ended.run({ log: memoryLog(), state: memoryState(), allowVolatileState: true })
  expect(out.length).toBeGreaterThan(100)
})
