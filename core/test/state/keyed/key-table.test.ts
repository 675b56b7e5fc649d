import fc from 'fast-check'
import { expect, it } from 'vitest'
import { valueState } from '../../../src/state/keyed/descriptor.ts'
import { type KeySlot, KeyTable } from '../../../src/state/keyed/key-table.ts'
import { declareCells, KeyedStates } from '../../../src/state/keyed/keyed-states.ts'
import { StateTime } from '../../../src/state/keyed/ttl.ts'
import { StateChanges } from '../../../src/state/state-changes.ts'
import { systemClock } from '../../../src/time/clock.ts'

const keys = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 40 }) },
  fc.constantFrom<unknown>(-1, -0, 0.5, 1e3, 5_000, 2 ** 31, 2 ** 32, 1e100, '1', '', true, 1n),
)
const actions = fc.array(fc.record({ kind: fc.constantFrom('use', 'find', 'delete'), key: keys }), { maxLength: 200 })

it('finds the one slot of each key until it is deleted, whatever kind of key it is', () => {
  fc.assert(
    fc.property(actions, fc.boolean(), (actions, isFull) => {
      const table = new KeyTable<null>(() => null)
      const known = new Map<unknown, KeySlot<null>>()
      // Among many keys larger numbers count as near.
      if (isFull) for (let key = 1_000; key < 3_000; key++) known.set(key, table.slot(key))
      for (const { kind, key } of actions) {
        if (kind === 'use') {
          const slot = table.slot(key)
          if (known.has(key)) expect(slot).toBe(known.get(key))
          expect(slot.key === key).toBe(true)
          known.set(key, slot)
        } else if (kind === 'find') expect(table.find(key)).toBe(known.get(key))
        else {
          const slot = known.get(key)
          if (slot !== undefined) table.delete(slot)
          // Once more does nothing.
          if (slot !== undefined) table.delete(slot)
          known.delete(key)
        }
      }
      expect(table.size).toBe(known.size)
      const slots = [...table.slots()]
      expect(slots).toHaveLength(known.size)
      expect(new Set(slots)).toEqual(new Set(known.values()))
    }),
  )
})

it('forgets a key that nothing is kept for at the next barrier, or at the one after where keys come again', () => {
  for (const { isLater, sizes } of [
    { isLater: false, sizes: [0, 0] },
    { isLater: true, sizes: [1, 0] },
  ]) {
    const states = new KeyedStates('a', 128, declareCells({ n: valueState<number>() }, new StateTime(systemClock)))
    if (isLater) states.forgetLater()
    states.table.slot('key')
    expect(
      sizes.map((_, epoch) => {
        states.collect(new StateChanges(), epoch)
        return states.table.size
      }),
    ).toEqual(sizes)
  }
})

it('keeps a key that is used in every epoch, though nothing is kept for it at any barrier', () => {
  const states = new KeyedStates('a', 128, declareCells({ n: valueState<number>() }, new StateTime(systemClock)))
  states.forgetLater()
  const slot = states.table.slot('key')
  for (let epoch = 0; epoch < 5; epoch++) {
    states.table.markDirty(slot)
    states.collect(new StateChanges(), epoch)
    expect(states.table.find('key')).toBe(slot)
  }
})
