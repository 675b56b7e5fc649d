import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Collector, job, json, watermarks } from '../../src/index.ts'
import { SourceAlignment } from '../../src/runtime/source-alignment.ts'
import { testHarness } from '../../src/testing/index.ts'

describe('sources that keep in step', () => {
  it('never all wait, and never read on when they are too far ahead', () => {
    const step = fc.record({
      channel: fc.nat(4),
      by: fc.nat(50),
      event: fc.constantFrom('read', 'read', 'read', 'idle', 'end'),
    })
    fc.assert(
      fc.property(fc.nat(40), fc.array(step, { maxLength: 100, size: 'max' }), (maxDrift, script) => {
        const alignment = new SourceAlignment()
        const channels = Array.from({ length: 5 }, () => alignment.join('group', maxDrift, () => {}))
        const live = new Set(channels)
        for (const { channel: at, by, event } of script) {
          const channel = channels[at] as (typeof channels)[number]
          if (!live.has(channel)) continue
          if (event === 'end') {
            live.delete(channel)
            channel.leave()
          } else if (event === 'idle') channel.update(channel.watermark, true)
          else if (!channel.isAhead) channel.update(Math.max(0, channel.watermark) + by, false)
          const counted = [...live].filter(({ isIdle, watermark }) => !isIdle && watermark !== Number.NEGATIVE_INFINITY)
          const least = Math.min(...counted.map(({ watermark }) => watermark))
          for (const one of live) expect(one.isAhead).toBe(one.watermark > least + maxDrift)
          if (live.size > 0) expect([...live].some(({ isAhead }) => !isAhead)).toBe(true)
        }
      }),
    )
  })

  it('are told when the one that they waited for has moved or left', () => {
    const alignment = new SourceAlignment()
    let woken = 0
    const fast = alignment.join('group', 10, () => woken++)
    const slow = alignment.join('group', 10, () => {})
    slow.update(0, false)
    fast.update(100, false)
    fast.isHeld = fast.isAhead
    expect(fast.isHeld).toBe(true)
    slow.update(50, false)
    expect([woken, fast.isAhead]).toEqual([1, true])
    slow.leave()
    expect([woken, fast.isAhead]).toEqual([2, false])
  })

  it('read a fast topic only as far as the slow one has come', async () => {
    const time = watermarks.monotonous<number>((n) => n).withAlignment('both', { maxDrift: 100 })
    const seen = { fast: 0, slow: 0 }
    const aligned = job('aligned', (env) => {
      const note = (name: 'fast' | 'slow') => ({
        onRecord(n: number, _context: unknown, out: Collector<number>) {
          seen[name] = Math.max(seen[name], n)
          out.emit(n)
        },
      })
      env
        .topic('fast', json<number>(), { time })
        .process(note('fast'))
        .union(env.topic('slow', json<number>(), { time }).process(note('slow')))
        .toTopic('out', json())
    })
    const t = await testHarness(aligned)
    t.topic<number>('slow').send(0)
    await t.settle()
    for (let n = 0; n < 1_000; n += 10) {
      t.topic<number>('fast').send(n)
      await t.settle()
    }
    // One record after the bound is read: it is what shows that the bound was passed.
    expect(seen.fast).toBe(110)
    t.topic<number>('slow').send(500)
    await t.settle()
    await t.settle()
    expect(seen.fast).toBeGreaterThanOrEqual(600)
    t.topic<number>('slow').send(2_000)
    await t.settle()
    await t.settle()
    expect(seen.fast).toBe(990)
    expect(t.topic('out').values()).toHaveLength(103)
    await t.stop()
  })

  it('give all of what they have in the end, splits of other sources too', async () => {
    const time = watermarks.monotonous<number>((n) => n).withAlignment('all', { maxDrift: 5 })
    const seen: number[] = []
    await job('aligned-splits', (env) => {
      const slow = env.generate({ make: (n: number) => n, count: 3_000 }, { time })
      const fast = env.generate({ make: (n: number) => n * 1_000, count: 5_000 }, { time })
      slow.union(fast).collect(seen)
    }).run()
    expect(seen).toHaveLength(8_000)
  })
})
