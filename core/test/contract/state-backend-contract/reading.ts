import { describe, expect, it } from 'vitest'
import type { StateChange } from '../../../src/state/backend.ts'
import { bytes, many, put, putSub, text } from './entries.ts'
import type { StateBackendFixture } from './fixture.ts'

/** Reading single keys, and some of the states. */
export function readingContract(at: StateBackendFixture): void {
  describe('load', () => {
    it('gives the states that are wanted, and no others', async () => {
      const store = await at.owned()
      await at.commit(store, 1, [
        put('op/a', 0, 'k', '1'),
        putSub('op/b', 0, 'k', 'x', '2'),
        put('op/c', 3, 'k', '3'),
        putSub('op/c', 3, 'l', 'y', '4'),
      ])
      const found: string[] = []
      for await (const batch of store.load((state) => state !== 'op/a')) found.push(...batch.map(text))
      expect(found.sort()).toEqual(['op/b 0 k/x = 2', 'op/c 3 k = 3', 'op/c 3 l/y = 4'])
    })
  })

  describe('read', () => {
    const read = async (keys: readonly string[], state = 's'): Promise<unknown> => {
      const found = await at.other.read(
        at.address,
        state,
        keys.map((key) => ({ keyGroup: 0, key: bytes(key) })),
      )
      return found === null ? null : { epoch: found.epoch, entries: found.entries.map((list) => list.map(text).sort()) }
    }

    it('gives what is applied, with its epoch, to whoever asks', async () => {
      const store = await at.owned()
      expect(await read(['k'])).toBe(null)
      await at.commit(store, 1, [put('s', 0, 'k', 'v'), putSub('m', 0, 'k', 'a', '1'), putSub('m', 0, 'k', 'b', '2')])
      expect(await read(['k', 'none', 'k'])).toEqual({ epoch: 1, entries: [['s 0 k = v'], [], ['s 0 k = v']] })
      expect(await read(['k'], 'm')).toEqual({ epoch: 1, entries: [['m 0 k/a = 1', 'm 0 k/b = 2']] })
      expect(await read([])).toEqual({ epoch: 1, entries: [] })
    })

    it('does not see what is only staged, and takes nothing over', async () => {
      const store = await at.owned()
      await at.commit(store, 1, [put('s', 0, 'k', 'old')])
      await store.stage({ epoch: 2, meta: bytes(''), changes: [put('s', 0, 'k', 'new')] })
      expect(await read(['k'])).toEqual({ epoch: 1, entries: [['s 0 k = old']] })
      await store.apply(2)
      expect(await read(['k'])).toEqual({ epoch: 2, entries: [['s 0 k = new']] })
    })

    it('waits while an epoch is being applied, so that all keys are of one epoch', async () => {
      const store = await at.owned()
      const keys = many(5_000, (n) => `k${n}`)
      const value = 'v'.repeat(200)
      const changes = (epoch: number): StateChange[] => keys.map((key) => put('s', 0, key, `${epoch}${value}`))
      await at.commit(store, 1, changes(1))
      const seen: Promise<unknown>[] = []
      at.storage.betweenChunks = () => {
        seen.push(read(['k0', 'k2500', 'k4999']))
      }
      await at.commit(store, 2, changes(2))
      expect(seen.length).toBeGreaterThan(0)
      const expected = ['k0', 'k2500', 'k4999'].map((key) => [`s 0 ${key} = 2${value}`])
      for (const one of await Promise.all(seen)) expect(one).toEqual({ epoch: 2, entries: expected })
    })
  })

  describe('getMany', () => {
    it('answers by position, with repeated and missing keys', async () => {
      const store = await at.owned()
      await at.commit(store, 1, [put('s', 5, 'a', '1'), put('s', 9, 'b', '2'), put('t', 5, 'a', 'other')])
      const found = await store.getMany('s', [
        { keyGroup: 9, key: bytes('b') },
        { keyGroup: 5, key: bytes('none') },
        { keyGroup: 5, key: bytes('a') },
        { keyGroup: 9, key: bytes('b') },
        { keyGroup: 9, key: bytes('a') },
      ])
      expect(found.map((entries) => entries.map(text))).toEqual([['s 9 b = 2'], [], ['s 5 a = 1'], ['s 9 b = 2'], []])
    })

    it('gives all entries of a key with sub keys', async () => {
      const store = await at.owned()
      await at.commit(store, 1, [
        putSub('m', 0, 'k', 'a', '1'),
        putSub('m', 0, 'k', 'b', '2'),
        putSub('m', 0, 'l', 'a', '3'),
      ])
      const found = await store.getMany('m', [
        { keyGroup: 0, key: bytes('k') },
        { keyGroup: 0, key: bytes('x') },
      ])
      expect(found.map((entries) => entries.map(text).sort())).toEqual([['m 0 k/a = 1', 'm 0 k/b = 2'], []])
    })

    it('sees what a former owner staged and this one applied', async () => {
      await (await at.owned()).stage({ epoch: 1, meta: bytes(''), changes: [put('s', 0, 'k', 'v')] })
      const store = at.other.task(at.address)
      await store.acquire()
      await store.apply(1)
      expect((await store.getMany('s', [{ keyGroup: 0, key: bytes('k') }])).map((e) => e.map(text))).toEqual([
        ['s 0 k = v'],
      ])
    })

    it('answers for no keys at all', async () => {
      expect(await (await at.owned()).getMany('s', [])).toEqual([])
    })
  })
}
