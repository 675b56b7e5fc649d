import { json } from '@millrace/core'
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
})
