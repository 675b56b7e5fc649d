import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { slotOf } from '../../../src/state/redis/cluster-slot.ts'
import { addressOfMember, pairOf, splitPair, TaskKeys } from '../../../src/state/redis/keys.ts'

const name = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => text.isWellFormed())
const address = fc.record({ job: name, region: name, index: fc.nat({ max: 1000 }) })

describe('the keys of a task', () => {
  it('lie in one slot', () => {
    fc.assert(
      fc.property(address, name, fc.uint8Array(), (task, state, key) => {
        const keys = new TaskKeys('p', task)
        const pair = pairOf(state, 3)
        const all = [keys.groups, keys.durable, keys.staged(7), keys.values(pair), keys.index(pair)]
        all.push(keys.map(pair, key).toString('latin1'))
        expect(new Set([keys.header, ...all].map(slotOf)).size).toBe(1)
      }),
    )
  })

  it('are those of no other task', () => {
    fc.assert(
      fc.property(address, address, (a, b) => {
        fc.pre(a.job !== b.job || a.region !== b.region || a.index !== b.index)
        const [ofA, ofB] = [new TaskKeys('p', a), new TaskKeys('p', b)]
        expect(ofA.base.startsWith(ofB.base) || ofB.base.startsWith(ofA.base)).toBe(false)
      }),
    )
  })

  it('give the address back', () => {
    fc.assert(
      fc.property(address, (task) => {
        expect(addressOfMember(task.job, new TaskKeys('p', task).jobMember)).toEqual(task)
      }),
    )
  })

  it('name state and key group so that both can be read again', () => {
    fc.assert(
      fc.property(name, fc.nat(), (state, keyGroup) => {
        expect(splitPair(pairOf(state, keyGroup))).toEqual({ state, keyGroup })
      }),
    )
  })
})

describe('slotOf', () => {
  it('is the CRC16 of the hash tag, as the Redis Cluster specification has it', () => {
    expect([slotOf('123456789'), slotOf('foo'), slotOf('')]).toEqual([0x31c3, 12_182, 0])
    expect(slotOf('{user1000}.following')).toBe(slotOf('user1000'))
    expect(slotOf('foo{{bar}}zap')).toBe(slotOf('{bar'))
    expect(slotOf('foo{}{bar}')).not.toBe(slotOf('bar'))
  })
})
