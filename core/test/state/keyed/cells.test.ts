import { expect, it } from 'vitest'
import { RoundState } from '../../../src/operator/loop/round-state.ts'
import { msgpack } from '../../../src/serde/msgpack.ts'
import type { StateChange } from '../../../src/state/backend.ts'
import { type Cell, ValueCell } from '../../../src/state/keyed/cells.ts'
import { KeySlot } from '../../../src/state/keyed/key-table.ts'
import { StateChanges } from '../../../src/state/state-changes.ts'

function changesOf(collect: (changes: StateChanges, state: number) => void): StateChange[] {
  const changes = new StateChanges()
  changes.beginKey().writeUtf8('key')
  changes.endKey(3)
  collect(changes, changes.numberOf('count/value'))
  return [...changes]
}

function collected(cell: Cell): StateChange[] {
  return changesOf((changes, state) => cell.collect(changes, state))
}

function set(cell: ValueCell, value: unknown): void {
  cell.value = value
  cell.changed = true
}

it('writes nothing of a value that came and went between two barriers', () => {
  const cell = new ValueCell(msgpack<unknown>())
  set(cell, 1)
  set(cell, undefined)
  expect(collected(cell)).toEqual([])
})

it('deletes a value that was stored once, also when it was stored by the task before', () => {
  const cell = new ValueCell(msgpack<unknown>())
  set(cell, 1)
  expect(collected(cell)).toMatchObject([{ value: Buffer.from([1]) }])
  set(cell, 2)
  set(cell, undefined)
  expect(collected(cell)).toMatchObject([{ value: null }])
  set(cell, undefined)
  expect(collected(cell)).toEqual([])

  const restored = new ValueCell(msgpack<unknown>())
  restored.restore(null, Buffer.from([1]))
  set(restored, undefined)
  expect(collected(restored)).toMatchObject([{ value: null }])
})

it('stores once that the turn of a key comes at the end of the round, and nothing when it came and went', () => {
  const state = new RoundState()
  const slot = new KeySlot('key', null)
  const collected = (): StateChange[] => changesOf((changes, number) => state.collect(slot, changes, number))
  slot.isInRound = true
  expect(collected()).toMatchObject([{ sub: Buffer.alloc(8), value: Buffer.alloc(0) }])
  expect(collected()).toEqual([])
  slot.isInRound = false
  expect(collected()).toMatchObject([{ sub: Buffer.alloc(8), value: null }])
  slot.isInRound = true
  slot.isInRound = false
  expect(collected()).toEqual([])
})
