import { job, json, watermarks } from '@millrace/core'
import { type TestHarness, testHarness } from '@millrace/core/testing'
import { expect, it } from 'vitest'
import { matchRules, type PatternDefinition, type RejectedRule, type RuleChange } from '../../src/index.ts'
import { type Event, events } from './payments.ts'

const watched = job('watched', (env) => {
  const stream = env.topic('in', json<Event>(), { time: watermarks.monotonous((event) => event.time) })
  const found = matchRules(
    stream.keyBy((event) => event.key),
    env.topic('rules', json<RuleChange>()),
    { uid: 'rules' },
  )
  found
    .select(
      (match, { rule, version, key }) =>
        `${rule}@${version} ${key} ${Object.values(match)
          .flat()
          .map(({ name, time }) => `${name}${time}`)
          .join(' ')}`,
    )
    .toTopic('out', json())
  found.timedOut.map(({ rule, version, timestamp }) => `${rule}@${version} ${timestamp}`).toTopic('expired', json())
  found.rejected.toTopic('rejected', json())
})

const pair = (first: string, second: string): PatternDefinition => ({
  name: 'pair',
  stages: [
    { name: 'first', where: `event.name == "${first}"` },
    { name: 'second', follows: 'followedBy', where: `event.name == "${second}"` },
  ],
  within: 100,
})

async function send(t: TestHarness, text: string): Promise<void> {
  for (const event of events(text)) t.topic<Event>('in').send(event)
  await t.settle()
}

async function change(t: TestHarness, ...changes: unknown[]): Promise<void> {
  for (const each of changes) t.topic<unknown>('rules').send(each)
  await t.settle()
}

it('rules are added, replaced and dropped while the job runs, and matches say which version found them', async () => {
  const t = await testHarness(watched)
  await change(t, { id: 'r1', version: 1, pattern: pair('a', 'b') })
  await send(t, 'a1 b2 x3')
  await change(t, { id: 'r2', version: 1, pattern: pair('a', 'c') })
  await send(t, 'a4 c5 x6')
  // What version 1 has begun with a4 is dropped with it.
  await change(t, { id: 'r1', version: 2, pattern: pair('a', 'd') })
  await send(t, 'b7 a8 d9 x10')
  await change(t, { id: 'r2', version: 2, drop: true })
  await send(t, 'a11 c12 d13 x14')
  expect(t.topic('out').values()).toEqual(['r1@1 k a1 b2', 'r2@1 k a4 c5', 'r1@2 k a8 d9', 'r1@2 k a11 d13'])
  await t.stop()
})

it('rules and what they have begun are there after a restart', async () => {
  const t = await testHarness(watched)
  await change(t, { id: 'r1', version: 1, pattern: pair('a', 'b') })
  await send(t, 'a1 x2')
  await t.restart()
  await send(t, 'b3 a4 x5')
  await t.restart()
  await send(t, 'x200')
  expect(t.topic('out').values()).toEqual(['r1@1 k a1 b3'])
  expect(t.topic('expired').values()).toEqual(['r1@1 104'])
  await t.stop()
})

it('changes that come again, or too late, change nothing', async () => {
  const t = await testHarness(watched)
  await change(t, { id: 'r1', version: 5, pattern: pair('a', 'b') }, { id: 'r2', version: 2, pattern: pair('a', 'b') })
  await send(t, 'a1 x2')
  await change(
    t,
    { id: 'r1', version: 5, pattern: pair('a', 'b') },
    { id: 'r1', version: 4, pattern: pair('x', 'y') },
    { id: 'r2', version: 3, drop: true },
    { id: 'r2', version: 2, pattern: pair('a', 'b') },
  )
  await send(t, 'b3 x4')
  expect(t.topic('out').values()).toEqual(['r1@5 k a1 b3'])
  await t.stop()
})

it('changes that cannot be made go to a side output with what is wrong, and the job goes on', async () => {
  const t = await testHarness(watched)
  const bad = { ...pair('a', 'b'), stages: [{ name: 'a', where: 'event.' }] }
  await change(
    t,
    { id: 'r1', version: 1, pattern: pair('a', 'b') },
    { id: 'r1', version: 2, pattern: bad },
    { id: '', version: 2, drop: true },
    { id: 'r3', version: 0.5, drop: true },
    { id: 'r3', version: 1 },
    'nonsense',
  )
  await send(t, 'a1 b2 x3')
  expect(t.topic('out').values()).toEqual(['r1@1 k a1 b2'])
  const rejected = t.topic<RejectedRule>('rejected').values()
  expect(rejected.map(({ path }) => path)).toEqual(['pattern.stages[0].where', 'id', 'version', null, null])
  expect(rejected[0]?.why).toContain("'event.' is no expression")
  await t.stop()
})
