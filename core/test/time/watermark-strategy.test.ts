import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { durationMs } from '../../src/time/duration.ts'
import { WatermarkMerger } from '../../src/time/watermark-merger.ts'
import { watermarks } from '../../src/time/watermark-strategy.ts'

describe('watermark strategies', () => {
  it('stay behind the latest timestamp by the bound, and by one millisecond', () => {
    const generator = watermarks.bounded<number>('5s').createGenerator()
    expect(generator.current()).toBe(Number.NEGATIVE_INFINITY)
    generator.onEvent(10_000, 0)
    generator.onEvent(7_000, 0)
    expect(generator.current()).toBe(4_999)
  })

  it('go on from a snapshot', () => {
    const first = watermarks.monotonous<number>().createGenerator()
    first.onEvent(100, 0)
    const second = watermarks.monotonous<number>().createGenerator()
    second.restore(first.snapshot())
    expect(second.current()).toBe(99)
  })

  it('take dates, and refuse what is not a time, with the value that was given', () => {
    const strategy = watermarks.bounded<unknown>('1s', (value) => value as number)
    expect(strategy.timestamp(new Date(42), 0, 0)).toBe(42)
    for (const wrong of [Number.NaN, undefined, null, '2026-01-01', new Date(Number.NaN), Number.POSITIVE_INFINITY]) {
      expect(() => strategy.timestamp(wrong, 0, 0)).toThrow(expect.objectContaining({ code: 'TIMESTAMP_INVALID' }))
    }
  })

  it('go by what records announce', () => {
    const strategy = watermarks.punctuated<number>(
      (n) => n,
      (n, timestamp) => (n % 10 === 0 ? timestamp : null),
    )
    const generator = strategy.createGenerator()
    for (const n of [3, 10, 14, 5]) generator.onEvent(n, n)
    expect(generator.current()).toBe(10)
    const next = strategy.createGenerator()
    next.restore(generator.snapshot())
    next.onEvent(0, 0)
    expect(next.current()).toBe(10)
  })

  it('take the time of reading where that is what counts', () => {
    const strategy = watermarks.ingestion<string>()
    expect(strategy.timestamp('x', 5, 1_000)).toBe(1_000)
    const generator = strategy.createGenerator()
    generator.onEvent(1_000, 'x')
    expect(generator.current()).toBe(999)
  })

  it('keep the strategy when idleness is added', () => {
    const strategy = watermarks.bounded<number>('5s', (n) => n).withIdleness('30s')
    expect(strategy.idlenessMs).toBe(30_000)
    expect(strategy.timestamp(7, 0, 0)).toBe(7)
  })
})

describe('merged watermarks', () => {
  it('are the least of the channels that are not idle, and never go back', () => {
    const event = fc.record({
      channel: fc.nat(3),
      watermark: fc.integer({ min: -50, max: 50 }),
      idle: fc.option(fc.boolean()),
    })
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const merger = new WatermarkMerger(4)
        const channels = Array.from({ length: 4 }, () => ({ watermark: Number.NEGATIVE_INFINITY, idle: false }))
        let highest = Number.NEGATIVE_INFINITY
        for (const { channel, watermark, idle } of events) {
          const own = channels[channel] as (typeof channels)[number]
          if (idle === null) {
            own.watermark = Math.max(own.watermark, watermark)
            merger.update(channel, watermark)
          } else {
            own.idle = idle
            merger.setIdle(channel, idle)
          }
          const active = channels.filter((candidate) => !candidate.idle)
          const merged =
            active.length === 0
              ? Math.max(...channels.map((candidate) => candidate.watermark))
              : Math.min(...active.map((candidate) => candidate.watermark))
          highest = Math.max(highest, merged)
          expect(merger.watermark).toBe(highest)
          expect(merger.idle).toBe(active.length === 0)
        }
      }),
    )
  })
})

describe('durations', () => {
  it('are milliseconds or numbers with a unit', () => {
    expect(['250ms', '5s', '1.5m', '2h', '7d', 12].map((duration) => durationMs(duration as '5s'))).toEqual([
      250, 5_000, 90_000, 7_200_000, 604_800_000, 12,
    ])
  })

  it('are refused when they make no sense', () => {
    for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY, '5', 'five seconds', '5 s', '-5s', '']) {
      expect(() => durationMs(wrong as '5s')).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    }
  })
})
