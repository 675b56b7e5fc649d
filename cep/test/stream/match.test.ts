import { type Collector, job, json, memoryLog, memoryState, outputTag, restart, watermarks } from '@millrace/core'
import { testHarness } from '@millrace/core/testing'
import { describe, expect, it } from 'vitest'
import { match, pattern } from '../../src/index.ts'
import { type Event, eventJob, events, started } from './payments.ts'

const is = (name: string) => (event: Event) => event.name === name

async function run(
  build: Parameters<typeof eventJob>[0],
  batches: readonly string[],
  topics: readonly string[],
  delay = 0,
) {
  const t = await started(eventJob(build, delay))
  for (const batch of batches) {
    for (const event of events(batch)) t.topic<Event>('in').send(event)
    await t.settle()
  }
  const seen = topics.map((topic) => t.topic(topic).values())
  await t.stop()
  return seen
}

const pair = pattern<Event>('pair').begin('a').where(is('a')).next('b').where(is('b'))
const soon = pattern<Event>('soon').begin('a').where(is('a')).followedBy('b').where(is('b')).within(10)

describe('a pattern over a keyed stream', () => {
  it('is matched key by key, in the order of event time', async () => {
    const [out] = await run(
      (byKey) =>
        match(byKey, pair)
          .select(({ a, b }, { key, timestamp }) => [key, a[0].time, b[0].time, timestamp])
          .toTopic('out', json()),
      ['b3 a1@x a2 b4@x c5', 'c99'],
      ['out'],
      50,
    )
    expect(out).toEqual([
      ['x', 1, 4, 4],
      ['k', 2, 3, 3],
    ])
  })

  it('gives partial matches that timed out by the watermark alone, and late events, at side outputs', async () => {
    const [out, expired, late] = await run(
      (byKey) => {
        const found = match(byKey, soon)
        found.select(({ a, b }) => [a[0].time, b[0].time]).toTopic('out', json())
        found.timedOut
          .map(({ key, match: { a, b }, timestamp }) => [key, a.map(({ time }) => time), b.length, timestamp])
          .toTopic('expired', json())
        found.late.map((event) => event.name).toTopic('late', json())
      },
      ['a1 b5 a6', 'c30@other', 'b7'],
      ['out', 'expired', 'late'],
    )
    expect(out).toEqual([[1, 5]])
    expect(expired).toEqual([['k', [6], 0, 16]])
    expect(late).toEqual(['b'])
  })

  it('goes on after a restart where it was', async () => {
    const t = await started(
      eventJob((byKey) =>
        match(byKey, soon, { uid: 'soon' })
          .select(({ a, b }) => [a[0].time, b[0].time])
          .toTopic('out', json()),
      ),
    )
    for (const event of events('a1 a2')) t.topic<Event>('in').send(event)
    await t.settle()
    await t.restart()
    for (const event of events('b9')) t.topic<Event>('in').send(event)
    await t.settle()
    t.topic<Event>('in').send({ key: 'x', name: 'c', time: 50 })
    await t.settle()
    expect(t.topic('out').values()).toEqual([
      [1, 9],
      [2, 9],
    ])
    await t.stop()
  })

  it('takes events of one time in the order that is given, else in that of their arrival', async () => {
    const order = (a: Event, b: Event) => (a.n ?? 0) - (b.n ?? 0)
    const t = await started(
      eventJob((byKey) => {
        match(byKey, pair)
          .select(() => 'as they came')
          .toTopic('out', json())
        match(byKey, pair, { order })
          .select(() => 'by n')
          .toTopic('out', json())
      }),
    )
    const send = (name: string, time: number, n: number) => t.topic<Event>('in').send({ key: 'k', name, time, n })
    send('b', 5, 2)
    send('a', 5, 1)
    send('x', 9, 0)
    await t.settle()
    expect(t.topic('out').values()).toEqual(['by n'])
    await t.stop()
  })

  it('is matched in processing time as events come, and times out by the clock', async () => {
    const t = await started(
      eventJob((byKey) => {
        const found = match(byKey, soon, { time: 'processing' })
        found.select(({ a, b }) => [a[0].time, b[0].time]).toTopic('out', json())
        found.timedOut.map(({ match: { a } }) => a[0]?.time).toTopic('expired', json())
      }),
    )
    // Far from event time: only when they come counts.
    for (const event of events('a900 b1')) t.topic<Event>('in').send(event)
    await t.settle()
    for (const event of events('a2')) t.topic<Event>('in').send(event)
    await t.advanceBy(100)
    for (const event of events('b3')) t.topic<Event>('in').send(event)
    await t.settle()
    expect(t.topic('out').values()).toEqual([[900, 1]])
    expect(t.topic('expired').values()).toEqual([2])
    await t.stop()
  })

  it('is matched over all events where the stream has no keys', async () => {
    const [out] = await run(
      (_, all) =>
        match(all, pair)
          .select(({ a, b }, { key }) => [key, a[0].key, b[0].key])
          .toTopic('out', json()),
      ['a1@x b2@y c3'],
      ['out'],
    )
    expect(out).toEqual([['all', 'x', 'y']])
  })

  it('gives any number of results for a match, with side outputs and times', async () => {
    const [out, side] = await run(
      (byKey) => {
        const noted = outputTag<string>('noted')
        match(byKey, pair)
          .flatSelect(({ a, b }) => [a[0].name, b[0].name])
          .toTopic('out', json())
        const processed = match(byKey, pair).process(({ a }, { key, timestamp, side }, out: Collector<string>) => {
          side(noted, `${key} ${timestamp}`)
          out.emit(a[0].name.toUpperCase())
        })
        processed.toTopic('out', json())
        processed.sideOutput(noted).toTopic('side', json())
      },
      ['a1 b2 c3'],
      ['out', 'side'],
    )
    expect([...(out as string[])].sort()).toEqual(['A', 'a', 'b'])
    expect(side).toEqual(['k 2'])
  })

  it('gives what a skip strategy held back when the input has ended', async () => {
    const out: unknown[] = []
    const ended = job('ended', (env) => {
      const stream = env.from(events('a1 a2 b3 x4'), { time: watermarks.monotonous((event) => event.time) })
      const held = pattern<Event>('held')
        .begin('a')
        .where(is('a'))
        .followedBy('b')
        .where((b, { first }) => b.name === 'b' && b.time - first('a').time < 2)
        .skipPastLastEvent()
      match(stream.keyBy('key'), held)
        .select(({ a }, { timestamp }) => [a[0].time, timestamp])
        .collect(out)
    })
    // a1 waits for its b for ever, so a2 b3 is held back until it is known that none comes.
    await ended.run({ log: memoryLog(), state: memoryState(), allowVolatileState: true })
    expect(out).toEqual([[2, 3]])
  })

  it('says of a key that is traced what became of its partial matches', async () => {
    const [trace] = await run(
      (byKey) =>
        match(byKey, pair, { trace: (key) => key === 'x' })
          .trace.map(({ key, what, at }) => [key, what, at])
          .toTopic('trace', json()),
      ['a1@x a1@y c2@x c3@y', 'c9'],
      ['trace'],
    )
    expect(trace).toEqual([
      ['x', 'started', null],
      ['x', 'died', 'a'],
    ])
  })

  it('names the record without event time that it cannot put in order', async () => {
    const untimed = job('untimed', (env) => {
      match(env.from(events('a1')), pair).found.collect([])
    })
    const run = untimed.run({ log: memoryLog(), state: memoryState(), allowVolatileState: true })
    await expect(run).rejects.toMatchObject({ code: 'TIMESTAMP_INVALID' })
  })

  it('fails the job for a condition that throws, naming pattern and condition', async () => {
    const bad = pattern<Event>('broken')
      .begin('a')
      .where((event) => (event as unknown as { no: { where: boolean } }).no.where)
    const t = await testHarness(
      eventJob((byKey) => match(byKey, bad).found.toTopic('out', json())),
      { run: { restart: restart.none() } },
    )
    for (const event of events('a1 b2')) t.topic<Event>('in').send(event)
    await t.settle().catch(() => {})
    await expect(t.handle.done).rejects.toMatchObject({ code: 'USER_FUNCTION_FAILED' })
    await expect(t.handle.done).rejects.toThrow(/A condition of pattern 'broken'/)
  })

  it('does not read what another pattern has stored', async () => {
    const other = pattern<Event>('pair').begin('a').where(is('a')).next('c').next('b').where(is('b'))
    let current: typeof pair | typeof other = pair
    const changing = job('changing', (env) => {
      const stream = env.topic('in', json<Event>(), { time: watermarks.monotonous((event) => event.time) })
      match(stream.keyBy('key'), current as typeof pair, { uid: 'pairs' }).found.toTopic('out', json())
    })
    const t = await testHarness(changing)
    for (const event of events('a1 x2@y')) t.topic<Event>('in').send(event)
    await t.settle()
    current = other
    await t.restart().catch(() => {})
    await expect(t.handle.done).rejects.toMatchObject({ code: 'STATE_INCOMPATIBLE' })
  })
})
