import fc from 'fast-check'
import { expect, it } from 'vitest'
import { FeedbackQueue } from '../../../src/operator/loop/feedback-queue.ts'
import { msgpack } from '../../../src/serde/msgpack.ts'
import type { StateEntry } from '../../../src/state/backend.ts'
import { StateChanges } from '../../../src/state/state-changes.ts'

/** What a backend would hold. */
class Stored {
  readonly entries = new Map<string, StateEntry>()

  apply(changes: StateChanges): void {
    for (const { value, ...address } of changes) {
      const id = `${address.keyGroup}/${Buffer.from(address.key).toString('hex')}/`
      if (value !== null) this.entries.set(`${id}${address.sub}`, { ...address, value })
      else for (const known of [...this.entries.keys()]) if (known.startsWith(id)) this.entries.delete(known)
    }
  }
}

function queue(entries: Iterable<StateEntry> = [], index = 0): FeedbackQueue {
  const created = new FeedbackQueue({
    state: 'loop/feedback',
    serde: msgpack<unknown>(),
    index,
    parallelism: 2,
    maxParallelism: 128,
  })
  for (const entry of entries) created.restore(entry)
  created.open()
  return created
}

function contents(of: FeedbackQueue): [unknown, number][] {
  const seen: [unknown, number][] = []
  of.visit(0, of.size, (value, timestamp) => seen.push([value, timestamp]))
  return seen
}

/** `toEqual` takes seconds for many records. */
function expectSame(found: readonly [unknown, number][], expected: readonly [unknown, number][]): void {
  expect(found.length).toBe(expected.length)
  const differs = found.findIndex(
    ([value, timestamp], at) => value !== expected[at]?.[0] || timestamp !== expected[at]?.[1],
  )
  expect(differs).toBe(-1)
}

function actions(maxCount: number, maxLength: number) {
  const count = fc.integer({ min: 1, max: maxCount })
  const action = fc.oneof(
    fc.record({ kind: fc.constant('push' as const), count }),
    fc.record({ kind: fc.constant('drain' as const), count }),
    fc.record({ kind: fc.constant('barrier' as const) }),
    fc.record({ kind: fc.constant('restart' as const) }),
  )
  return fc.array(action, { maxLength })
}

it.each([
  { records: 'few records', of: actions(5, 60), numRuns: 100 },
  { records: 'many records', of: actions(40_000, 12), numRuns: 20 },
])(
  'is after a restart what it was at the last barrier, in order, whatever was taken and added: $records',
  ({ of, numRuns }) => {
    fc.assert(
      fc.property(of, (actions) => {
        const stored = new Stored()
        let now = queue()
        let expected: [unknown, number][] = []
        let committed: [unknown, number][] = []
        let next = 0
        for (const step of actions) {
          if (step.kind === 'push') {
            for (let n = 0; n < step.count; n++) {
              now.push(next, next)
              expected.push([next, next++])
            }
          } else if (step.kind === 'drain') {
            const taken: [unknown, number][] = []
            now.drain(step.count, (value, timestamp) => taken.push([value, timestamp]))
            expectSame(taken, expected.slice(0, step.count))
            expected = expected.slice(step.count)
          } else if (step.kind === 'barrier') {
            const changes = new StateChanges()
            now.collect(changes)
            stored.apply(changes)
            committed = [...expected]
            if (committed.length === 0) expect(stored.entries.size).toBe(0)
          } else {
            // The backend gives entries in any order.
            now = queue([...stored.entries.values()].reverse())
            expected = [...committed]
          }
          expectSame(contents(now), expected)
        }
      }),
      { numRuns },
    )
  },
)

it('writes nothing of what came and went between two barriers', () => {
  const changes = new StateChanges()
  const now = queue()
  for (let n = 0; n < 100; n++) now.push(n, n)
  now.drain(99, () => {})
  now.collect(changes)
  expect(changes).toHaveLength(1)
  expect(changes.at(0).value?.length ?? 0).toBeLessThan(50)
  now.collect(changes)
  expect(changes).toHaveLength(1)
})

it('writes many records as few blocks, and how many of one are taken, not the block again', () => {
  const changes = new StateChanges()
  const now = queue()
  for (let n = 0; n < 2_000; n++) now.push(n, n)
  now.collect(changes)
  expect(changes).toHaveLength(4)
  now.drain(600, () => {})
  const later = new StateChanges()
  now.collect(later)
  expect([...later]).toMatchObject([{ value: null }, { value: Buffer.from([88]) }])
})

it('takes up what the queues of several tasks held', () => {
  const stored = new Stored()
  for (const index of [0, 1]) {
    const changes = new StateChanges()
    const own = queue([], index)
    for (let n = 0; n < 3; n++) own.push(`${index}.${n}`, n)
    own.collect(changes)
    stored.apply(changes)
  }
  const values = contents(queue(stored.entries.values())).map(([value]) => value)
  expect(values).toEqual(['0.0', '0.1', '0.2', '1.0', '1.1', '1.2'])
})
