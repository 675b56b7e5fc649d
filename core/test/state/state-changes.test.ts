import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeKey } from '../../src/serde/key-codec.ts'
import { msgpack } from '../../src/serde/msgpack.ts'
import type { StateChange } from '../../src/state/backend.ts'
import { StateChanges } from '../../src/state/state-changes.ts'

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))
const anyChange: fc.Arbitrary<StateChange> = fc.record({
  state: fc.constantFrom('a/x', 'a/y', 'b/x'),
  keyGroup: fc.nat(3),
  key: bytes,
  sub: fc.option(bytes),
  value: fc.option(bytes),
})

it('gives back the changes that were added, in their order', () => {
  fc.assert(
    fc.property(fc.array(anyChange, { maxLength: 200 }), (added) => {
      const changes = StateChanges.from(added)
      expect([...changes]).toEqual(added)
      expect(changes).toHaveLength(added.length)
      const lengths = added.flatMap(({ key, sub, value }) => [key.length, sub?.length ?? 0, value?.length ?? 0])
      expect(changes.byteLength).toBe(lengths.reduce((sum, length) => sum + length, 0))
    }),
  )
})

it('has several changes of one key, which is written once', () => {
  const changes = new StateChanges()
  const serde = msgpack<unknown>()
  encodeKey('key', changes.beginKey())
  changes.endKey(5)
  const [list, value] = [changes.numberOf('a/list'), changes.numberOf('a/value')]
  changes.beginSub().writeUint32(7)
  changes.put(list, 1, serde)
  changes.beginSub().writeUint32(8)
  changes.delete(list)
  changes.put(value, 2, serde)
  changes.delete(value)
  const key = Buffer.concat([Buffer.from(changes.at(0).key)])
  const of = { keyGroup: 5, key }
  expect([...changes]).toEqual([
    { state: 'a/list', ...of, sub: Buffer.from([0, 0, 0, 7]), value: Buffer.from([1]) },
    { state: 'a/list', ...of, sub: Buffer.from([0, 0, 0, 8]), value: null },
    { state: 'a/value', ...of, sub: null, value: Buffer.from([2]) },
    { state: 'a/value', ...of, sub: null, value: null },
  ])
  expect(changes.bytes.subarray(0, key.length)).toEqual(key)
})
