import fc from 'fast-check'
import { unpack } from 'msgpackr'
import { expect, it } from 'vitest'
import type { StateChange } from '../../../src/state/backend.ts'
import { encodeChanges } from '../../../src/state/redis/chunk.ts'
import { pairOf } from '../../../src/state/redis/keys.ts'

/** What is stored, by pair, key and sub key; `-` is the value of the key itself. */
class Stored {
  readonly entries = new Map<string, Map<string, string>>()

  set(pair: string, key: string, sub: string, value: string): void {
    const id = `${pair}|${key}`
    this.entries.set(id, (this.entries.get(id) ?? new Map()).set(sub, value))
  }

  delete(pair: string, key: string, sub: string | null): void {
    const id = `${pair}|${key}`
    const entries = this.entries.get(id)
    if (sub !== null) entries?.delete(sub)
    if (sub === null || entries?.size === 0) this.entries.delete(id)
  }
}

/** Does what the server does with chunks. */
function applied(chunks: readonly Buffer[]): Stored {
  const stored = new Stored()
  for (const [kind, pair, ...rest] of chunks.flatMap((chunk) => unpack(chunk) as [string, string, ...string[]][])) {
    const [key = '', ...of] = rest
    if (kind === 'v') for (let i = 0; i < rest.length; i += 2) stored.set(pair, rest[i]!, '-', rest[i + 1]!)
    if (kind === 'x') for (const deleted of rest) stored.delete(pair, deleted, null)
    if (kind === 'm') for (let i = 0; i < of.length; i += 2) stored.set(pair, key, `:${of[i]}`, of[i + 1]!)
    if (kind === 'd') for (const sub of of) stored.delete(pair, key, `:${sub}`)
  }
  return stored
}

function expected(changes: readonly StateChange[]): Stored {
  const stored = new Stored()
  for (const { state, keyGroup, key, sub, value } of changes) {
    const at = sub === null ? '-' : `:${sub}`
    if (value === null) stored.delete(pairOf(state, keyGroup), String(key), sub === null ? null : at)
    else stored.set(pairOf(state, keyGroup), String(key), at, String(value))
  }
  return stored
}

// Text, so that any decoder of MessagePack gives it back; lengths on both sides of where the form of a length changes.
const text = (from: readonly string[]): fc.Arbitrary<Buffer> =>
  fc.constantFrom(...from).map((each) => Buffer.from(each))
const anyChange: fc.Arbitrary<StateChange> = fc.record({
  state: fc.constantFrom('a/x', 'a/y'),
  keyGroup: fc.nat(2),
  key: text(['', 'k', 'l', 'k'.repeat(31), 'k'.repeat(32), 'k'.repeat(300)]),
  sub: fc.option(text(['', 's', 't'])),
  value: fc.option(text(['', 'v', 'w', 'v'.repeat(255), 'v'.repeat(256), 'v'.repeat(70_000)])),
})

it('chunks do what the changes say, in their order, however these are mixed', () => {
  fc.assert(
    fc.property(fc.array(anyChange, { maxLength: 60 }), (changes) => {
      const { chunks, groups } = encodeChanges(changes)
      expect(applied(chunks).entries).toEqual(expected(changes).entries)
      const put = changes.filter(({ value }) => value !== null)
      const names = put.map(({ state, keyGroup, sub }) => `${sub === null ? 'v' : 'm'}${pairOf(state, keyGroup)}`)
      expect(groups).toEqual(new Set(names))
    }),
  )
})

it('an epoch without changes is one chunk, and many changes are several', () => {
  expect(encodeChanges([]).chunks).toHaveLength(1)
  const many = Array.from({ length: 2_500 }, (_, n) => ({
    state: 's',
    keyGroup: n % 3,
    key: Buffer.from(`${n}`),
    sub: null,
    value: Buffer.from('v'),
  }))
  expect(encodeChanges(many).chunks).toHaveLength(3)
  expect(applied(encodeChanges(many).chunks).entries.size).toBe(2_500)
})
