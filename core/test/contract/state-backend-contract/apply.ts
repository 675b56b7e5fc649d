import { describe, expect, it } from 'vitest'
import { bytes, isFenced, loadAll, many, put, putSub, remove } from './entries.ts'
import type { StateBackendFixture } from './fixture.ts'

/** Applying again, and by another owner. */
export function applyContract(at: StateBackendFixture): void {
  describe('apply', () => {
    it('may be repeated', async () => {
      const store = await at.owned()
      await at.commit(store, 1, [put('s', 0, 'k', '1')])
      await store.apply(1)
      const successor = at.other.task(at.address)
      await successor.acquire()
      await successor.apply(1)
      expect(await loadAll(successor)).toEqual(['s 0 k = 1'])
    })

    it.each([1, 2, 4, 6])('is finished by the next owner when it was cut after step %i', async (cut) => {
      const store = await at.owned()
      await at.commit(
        store,
        1,
        many(12_000, (i) => put('s', i % 5, `k${i}`, 'old')),
      )
      const changes = [
        ...many(16_000, (i) => put('s', i % 5, `k${i}`, 'new')),
        ...many(2000, (i) => remove('s', i % 5, `k${i}`)),
        ...many(8000, (i) => putSub('m', i % 5, `k${i % 3}`, `s${i}`, 'v')),
      ]
      await store.stage({ epoch: 2, meta: bytes('two'), changes })
      const successor = at.other.task(at.address)
      let steps = 0
      at.storage.betweenChunks = async () => {
        if (++steps === cut) {
          expect((await successor.acquire()).staged).toEqual([2])
        }
      }
      await expect(store.apply(2)).rejects.toSatisfy(isFenced)
      expect(steps).toBe(cut)
      expect((await successor.acquire()).applied?.epoch).toBe(1)
      await successor.apply(2)
      const expected = [
        ...many(14_000, (i) => `s ${(i + 2000) % 5} k${i + 2000} = new`),
        ...many(8000, (i) => `m ${i % 5} k${i % 3}/s${i} = v`),
      ]
      expect(await loadAll(successor)).toEqual(expected.sort())
      expect((await successor.acquire()).applied).toEqual({ epoch: 2, meta: bytes('two') })
    })
  })

  describe('a take-over', () => {
    it('has every write of the former owner refused, without effect', async () => {
      const former = await at.owned()
      await at.commit(former, 1, [put('s', 0, 'k', '1')])
      await former.stage({ epoch: 2, meta: bytes('2'), changes: [put('s', 0, 'k', '2')] })
      const successor = at.other.task(at.address)
      await successor.acquire()
      await expect(former.stage({ epoch: 3, meta: bytes('3'), changes: [] })).rejects.toSatisfy(isFenced)
      await expect(former.stage({ epoch: 2, meta: bytes('x'), changes: [] })).rejects.toSatisfy(isFenced)
      await expect(former.decide(2)).rejects.toSatisfy(isFenced)
      await expect(former.apply(2)).rejects.toSatisfy(isFenced)
      await expect(former.discardAbove(0)).rejects.toSatisfy(isFenced)
      expect(await loadAll(successor)).toEqual(['s 0 k = 1'])
      const { applied, decided, staged } = await successor.acquire()
      expect([applied?.epoch, String(applied?.meta), decided, staged]).toEqual([1, 'meta 1', null, [2]])
      await successor.apply(2)
      expect(await loadAll(successor)).toEqual(['s 0 k = 2'])
    })

    it('leaves a stage that it cut short out of the list', async () => {
      const former = await at.owned()
      const changes = many(20_000, (i) => put('s', i % 128, `key ${i}`, 'value '.repeat(20)))
      const successor = at.other.task(at.address)
      const [staging, taking] = await Promise.allSettled([
        former.stage({ epoch: 1, meta: bytes(''), changes }),
        successor.acquire(),
      ])
      expect(taking.status).toBe('fulfilled')
      expect((await successor.acquire()).staged).toEqual(staging.status === 'fulfilled' ? [1] : [])
    })

    it('leaves one owner when several workers try at once', async () => {
      const stores = many(6, (i) => (i % 2 === 0 ? at.backend : at.other).task(at.address))
      await Promise.all(stores.map((store) => store.acquire()))
      const staged = await Promise.allSettled(
        stores.map((store, i) => store.stage({ epoch: 1, meta: bytes(`${i}`), changes: [] })),
      )
      expect(staged.map(({ status }) => status).sort()).toEqual(['fulfilled', ...many(5, () => 'rejected')])
      for (const result of staged) if (result.status === 'rejected') expect(result.reason).toSatisfy(isFenced)
      const owner = staged.findIndex(({ status }) => status === 'fulfilled')
      await stores[owner]?.apply(1)
      expect(String((await at.other.task(at.address).acquire()).applied?.meta)).toBe(`${owner}`)
    })

    it('also happens within one client and by the same store', async () => {
      const first = await at.owned()
      const second = await at.owned()
      await expect(first.stage({ epoch: 1, meta: bytes(''), changes: [] })).rejects.toSatisfy(isFenced)
      await at.commit(second, 1, [put('s', 0, 'k', 'v')])
      await first.acquire()
      await at.commit(first, 2, [put('s', 0, 'k', 'w')])
      await expect(second.apply(1)).rejects.toSatisfy(isFenced)
      expect(await loadAll(first)).toEqual(['s 0 k = w'])
    })
  })
}
