import { describe, expect, it } from 'vitest'
import { StreamError } from '../../../src/errors.ts'
import type { TaskAddress, TaskStore } from '../../../src/state/backend.ts'
import { allBytes, bytes, entriesOf, loadAll, many, put, putSub } from './entries.ts'
import type { StateBackendFixture } from './fixture.ts'

/** What one task keeps, and that tasks and jobs are apart. */
export function taskContract(at: StateBackendFixture): void {
  describe('a task', () => {
    it('has nothing before its first epoch', async () => {
      const store = at.backend.task(at.address)
      expect(await store.acquire()).toEqual({ applied: null, decided: null, staged: [] })
      expect(await loadAll(store)).toEqual([])
      expect(await store.getMany('s', [{ keyGroup: 0, key: bytes('k') }])).toEqual([[]])
    })

    it('keeps a staged epoch aside until it is applied', async () => {
      const store = await at.owned()
      await store.stage({ epoch: 1, meta: bytes('m'), changes: [put('s', 3, 'k', 'v')] })
      expect(await loadAll(store)).toEqual([])
      expect(await store.acquire()).toEqual({ applied: null, decided: null, staged: [1] })
      await store.apply(1)
      expect(await loadAll(store)).toEqual(['s 3 k = v'])
      const { applied, staged } = await store.acquire()
      expect([applied?.epoch, String(applied?.meta), staged]).toEqual([1, 'm', []])
    })

    it('replaces the meta as a whole with each epoch, also by an empty one', async () => {
      const store = await at.owned()
      await store.stage({ epoch: 1, meta: allBytes, changes: [] })
      await store.apply(1)
      expect((await store.acquire()).applied).toEqual({ epoch: 1, meta: allBytes })
      await store.stage({ epoch: 2, meta: Buffer.alloc(0), changes: [] })
      await store.apply(2)
      expect((await store.acquire()).applied).toEqual({ epoch: 2, meta: Buffer.alloc(0) })
    })

    it('lists its staged epochs in order', async () => {
      const store = await at.owned()
      for (const epoch of [10, 9, 11]) await store.stage({ epoch, meta: bytes(''), changes: [] })
      expect((await store.acquire()).staged).toEqual([9, 10, 11])
    })

    it('replaces an epoch that is staged again', async () => {
      const store = await at.owned()
      await store.stage({
        epoch: 1,
        meta: bytes('first'),
        changes: many(2500, (i) => put('s', i % 7, `a${i}`, 'old')),
      })
      await store.stage({ epoch: 1, meta: bytes('second'), changes: [put('s', 0, 'b', 'new')] })
      await store.apply(1)
      expect(await loadAll(store)).toEqual(['s 0 b = new'])
      expect(String((await store.acquire()).applied?.meta)).toBe('second')
    })

    it('discards the staged epochs above a given one', async () => {
      const store = await at.owned()
      for (const epoch of [4, 5, 6])
        await store.stage({ epoch, meta: bytes(''), changes: [put('s', 0, `${epoch}`, 'v')] })
      await store.discardAbove(4)
      expect((await store.acquire()).staged).toEqual([4])
      await store.apply(4)
      expect(await loadAll(store)).toEqual(['s 0 4 = v'])
    })

    it('remembers the decided epoch apart from the applied one', async () => {
      const store = await at.owned()
      await store.stage({ epoch: 1, meta: bytes(''), changes: [] })
      await store.decide(1)
      expect(await store.acquire()).toEqual({ applied: null, decided: 1, staged: [1] })
      await store.apply(1)
      const { applied, decided } = await store.acquire()
      expect([applied?.epoch, decided]).toEqual([1, 1])
    })

    it('refuses to decide or apply what is not staged', async () => {
      const store = await at.owned()
      await expect(store.decide(1)).rejects.toMatchObject({ code: 'STATE_BACKEND_FAILED' })
      await expect(store.apply(1)).rejects.toMatchObject({ code: 'STATE_BACKEND_FAILED' })
    })

    it('refuses to stage and to apply an epoch that is not newer than its state', async () => {
      const store = await at.owned()
      await store.stage({ epoch: 1, meta: bytes(''), changes: [put('s', 0, 'k', 'old')] })
      await at.commit(store, 2, [put('s', 0, 'k', 'new')])
      await expect(store.apply(1)).rejects.toMatchObject({ code: 'STATE_BACKEND_FAILED' })
      for (const epoch of [1, 2]) {
        const staging = store.stage({ epoch, meta: bytes(''), changes: [put('s', 0, 'k', 'old')] })
        await expect(staging).rejects.toMatchObject({ code: 'STATE_BACKEND_FAILED' })
      }
      expect(await loadAll(store)).toEqual(['s 0 k = new'])
    })

    it('refuses every call before acquire', async () => {
      const store = at.backend.task(at.address)
      await expect(store.stage({ epoch: 1, meta: bytes(''), changes: [] })).rejects.toSatisfy(StreamError.is)
      await expect(store.apply(1)).rejects.toSatisfy(StreamError.is)
    })

    it('takes bytes by value: changing a buffer afterwards changes nothing', async () => {
      const store = await at.owned()
      const buffer = Buffer.from('before')
      const staging = store.stage({
        epoch: 1,
        meta: buffer,
        changes: [{ state: 's', keyGroup: 0, key: buffer, sub: null, value: buffer }],
      })
      buffer.fill('x')
      await staging
      await store.apply(1)
      const [entry] = await entriesOf(store)
      entry?.value.fill(0x79)
      expect(await loadAll(store)).toEqual(['s 0 before = before'])
      expect(String((await store.acquire()).applied?.meta)).toBe('before')
    })

    it('refuses state of an unknown version and leaves it as it is', async () => {
      await at.commit(await at.owned(), 1, [put('s', 0, 'k', 'v')])
      await at.storage.setUnknownVersion(at.address)
      await expect(at.other.task(at.address).acquire()).rejects.toMatchObject({ code: 'STATE_CORRUPT' })
      await expect(at.other.task(at.address).acquire()).rejects.toThrow(/version/)
    })
  })

  describe('tasks and jobs', () => {
    it('do not see each other', async () => {
      const addresses: TaskAddress[] = [
        at.address,
        { ...at.address, index: 1 },
        { ...at.address, region: 'region:0' },
        { ...at.address, job: `${at.address.job}:region` },
        { ...at.address, job: `${at.address.job}{x}`, region: 'ünï/code %' },
      ]
      for (const [i, of] of addresses.entries()) await at.commit(await at.owned(of), 1, [put('s', 0, 'k', `${i}`)])
      for (const [i, of] of addresses.entries()) expect(await loadAll(await at.owned(of))).toEqual([`s 0 k = ${i}`])
    })

    it('are forgotten job by job', async () => {
      const kept = { ...at.address, job: `${at.address.job}-kept` }
      await at.commit(await at.owned(kept), 1, [put('s', 0, 'k', 'kept')])
      const cleared = [at.address, { ...at.address, index: 1 }]
      const stores: TaskStore[] = []
      for (const of of cleared) {
        const store = await at.owned(of)
        await at.commit(store, 1, [
          put('s', 0, 'k', 'v'),
          putSub('m', 3, 'k', 'a', 'v'),
          ...many(2000, (i) => put('s', 1, `${i}`, '')),
        ])
        await store.stage({ epoch: 2, meta: bytes(''), changes: [] })
        stores.push(store)
      }
      await at.other.clear(at.address.job)
      for (const store of stores) await expect(store.apply(2)).rejects.toSatisfy(StreamError.is)
      for (const of of cleared) {
        const store = at.other.task(of)
        expect(await store.acquire()).toEqual({ applied: null, decided: null, staged: [] })
        expect(await loadAll(store)).toEqual([])
      }
      expect(await loadAll(await at.owned(kept))).toEqual(['s 0 k = kept'])
    })
  })
}
