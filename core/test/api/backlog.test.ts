import { describe, expect, it } from 'vitest'
import {
  backlog,
  type Collector,
  type DataStream,
  type Environment,
  job,
  json,
  memoryLog,
  memoryState,
  type ReceivedSignal,
  silentLogger,
  watermarks,
} from '../../src/index.ts'
import type { Sink, Source } from '../../src/spi.ts'
import { operatorHarness, testHarness } from '../../src/testing/index.ts'

interface Tick {
  readonly n: number
  readonly at: number
}

/** Each tick with whether it was one of a backlog. */
function marked(ticks: DataStream<Tick>): DataStream<string> {
  return ticks.process({
    onRecord: ({ n }, { isBacklog }, out: Collector<string>) => out.emit(`${n} ${isBacklog ? 'old' : 'new'}`),
  })
}

describe('a backlog', () => {
  it.each([1, 2])(
    'is what lies beyond the bound of a topic when it is read, for functions behind a keyBy too (%i tasks)',
    async (parallelism) => {
      const heard: string[] = []
      const lagging = job('lagging', (env) => {
        env
          .topic('ticks', json<Tick>(), { backlog: { maxLag: 500 } })
          .keyBy(({ n }) => n % 3)
          .process({
            hears: [backlog],
            onRecord: ({ n }, { isBacklog }, out: Collector<string>) => out.emit(`${n} ${isBacklog ? 'old' : 'new'}`),
            onSignal: ({ value }, { index }) => heard.push(`${index} ${value}`),
          })
          .toTopic('marked', json())
      })
      const h = await testHarness(lagging, { run: { parallelism }, partitions: { ticks: parallelism, marked: 1 } })
      await h.settle()
      const ticks = h.topic<Tick>('ticks')
      for (let n = 0; n < 3_000; n++) ticks.send({ n, at: n })
      await h.settle()
      const before = h.topic<string>('marked').values()
      expect(before).toHaveLength(3_000)
      expect(before.filter((line) => line.endsWith('old')).length).toBeGreaterThan(1_000)
      ticks.send({ n: 3_000, at: 0 })
      await h.settle()
      expect(h.topic<string>('marked').values().at(-1)).toBe('3000 new')
      for (let task = 0; task < parallelism; task++) {
        expect(heard.filter((line) => line.startsWith(`${task}`)).slice(-2)).toEqual([`${task} true`, `${task} false`])
      }
      await h.stop()
    },
  )

  it('is what is late in event time by more than a bound', async () => {
    const late = job('late', (env) => {
      const time = watermarks.monotonous<Tick>(({ at }) => at)
      marked(env.topic('ticks', json<Tick>(), { time, backlog: { maxDelay: '1m' } })).toTopic('marked', json())
    })
    const h = await testHarness(late, { now: 1_000_000 })
    const ticks = h.topic<Tick>('ticks')
    // The memory log gives out what was written at once as one batch.
    for (let n = 0; n < 10; n++) ticks.send({ n, at: n })
    await h.settle()
    ticks.send({ n: 10, at: h.clock.now() })
    await h.settle()
    ticks.send({ n: 11, at: h.clock.now() })
    await h.settle()
    const lines = h.topic<string>('marked').values()
    expect(lines.filter((line) => line.endsWith('old')).length).toBeGreaterThan(5)
    expect(lines.at(-1)).toBe('11 new')
    await h.stop()
  })

  it.each([1, 2])('is a history that comes before a topic (%i tasks)', async (parallelism) => {
    const sequence = job('sequence', (env) => {
      const archive = env.topic('archive', json<Tick>(), { bounded: true, backlog: true })
      marked(env.topic('ticks', json<Tick>(), { after: archive })).toTopic('marked', json())
    })
    const log = memoryLog()
    for (const topic of ['archive', 'ticks']) {
      log.storage.createTopic(topic, 2)
      for (let n = 0; n < 20; n++) {
        const value = Buffer.from(JSON.stringify({ n: topic === 'ticks' ? n + 20 : n, at: n }))
        log.storage.write(topic, n % 2, [{ value, timestamp: 0 }])
      }
    }
    log.storage.createTopic('marked', 1)
    const handle = sequence.start({ log, state: memoryState(), parallelism, epochInterval: 5, logger: silentLogger })
    const lines = (): string[] => log.storage.read('marked').map(({ value }) => JSON.parse(String(value)) as string)
    await expect.poll(() => lines().length).toBe(40)
    await handle.stop()
    const expected = Array.from({ length: 40 }, (_, n) => `${n} ${n < 20 ? 'old' : 'new'}`)
    expect(lines().sort()).toEqual(expected.sort())
  })

  it('is told to sinks, and told again to those that are opened anew', async () => {
    const told: string[] = []
    const heard: Sink<Tick> = {
      name: 'heard',
      guarantee: 'at-least-once',
      async open() {
        told.push('open')
        return {
          write() {},
          onSignal: (signal: ReceivedSignal) => void told.push(`${signal.name} ${signal.is(backlog) && signal.value}`),
          async flush() {},
          async close() {},
        }
      },
    }
    let isOld = true
    const ticks = ticking(Number.POSITIVE_INFINITY, () => isOld)
    const sinking = job('sinking', (env) => env.source(ticks).to(heard))
    const log = memoryLog()
    const state = memoryState()
    const options = { log, state, epochInterval: 5, logger: silentLogger }
    const first = sinking.start(options)
    await expect.poll(() => told).toEqual(['open', 'backlog true'])
    await expect.poll(() => first.status().workers[0]?.tasks[0]?.epoch).toBeGreaterThan(1)
    await first.stop()
    isOld = false
    const second = sinking.start(options)
    await expect.poll(() => told).toEqual(['open', 'backlog true', 'open', 'backlog true', 'backlog false'])
    await second.stop()
  })

  it('is committed at longer intervals, and at once when it ends', async () => {
    const ticks = job('ticks', (env) => marked(env.source(ticking(100, (made) => made < 60))).toTopic('marked', json()))
    const h = await testHarness(ticks, { run: { epochInterval: 10, epochIntervalDuringBacklog: '30s' } })
    const seen: number[] = []
    for (let ms = 0; ms < 1_200; ms += 10) {
      await h.advanceBy(10)
      seen.push(h.topic('marked').values().length)
    }
    // A tick each ten milliseconds. Nothing is to be seen of the first sixty before all of them are.
    const first = seen.find((count) => count > 0)
    expect(first).toBeGreaterThanOrEqual(60)
    expect(first).toBeLessThan(64)
    expect(new Set(seen).size).toBeGreaterThan(20)
    expect(seen.at(-1)).toBe(100)
    await h.stop()
  })

  it('has bounds that can be', () => {
    const building = (build: (env: Environment) => void) => () => job('x', build).build()
    const bounds = (given: { readonly maxLag?: number; readonly maxDelay?: number }) =>
      building((env) => env.topic('in', json(), { backlog: given }).print())
    expect(bounds({})).toThrow(/has no bounds; give maxLag, maxDelay or both/)
    expect(bounds({ maxLag: 0.5 })).toThrow(/has a maxLag of 0.5/)
    expect(bounds({ maxDelay: 5 })).toThrow(/goes by event time; give the topic a watermark strategy/)
    const run = { epochInterval: 100, epochIntervalDuringBacklog: 50 }
    expect(() => job('x', (env) => env.from([1]).print()).start(run)).toThrow(/at least epochInterval \(100 ms\)/)
    const long = { epochIntervalDuringBacklog: '2m' } as const
    expect(() => job('x', (env) => env.from([1]).print()).start(long)).toThrow(/above epochIntervalDuringBacklog/)
  })

  it('can be handed to an operator under test', async () => {
    const t = await operatorHarness(marked, { signals: [backlog] })
    t.send({ n: 1, at: 0 })
    t.signal(backlog, true)
    t.send({ n: 2, at: 0 })
    t.signal(backlog, false)
    t.send({ n: 3, at: 0 })
    expect(t.values()).toEqual(['1 new', '2 old', '3 new'])
  })
})

/** So many ticks, one each ten milliseconds; says itself which ones are a backlog. */
function ticking(count: number, isOld: (made: number) => boolean): Source<Tick, number> {
  return {
    name: 'ticking',
    bounded: true,
    replayable: true,
    signals: [backlog],
    splits: () => 1,
    open(_split, position, { emitSignal, now, setTimer, onAvailable }) {
      let made = position ?? 0
      let dueMs = now()
      let cancel = (): void => {}
      return {
        poll(emit) {
          if (now() < dueMs) {
            cancel()
            cancel = setTimer(dueMs - now(), onAvailable)
            return 'wait'
          }
          emitSignal(backlog, isOld(made))
          emit({ n: made++, at: now() }, now())
          dueMs = now() + 10
          cancel()
          cancel = setTimer(10, onAvailable)
          return made === count ? 'end' : 'wait'
        },
        position: () => made,
        async close() {},
      }
    },
  }
}
