import { describe, expect, it } from 'vitest'
import type { StateEntry } from '../../../src/state/backend.ts'
import { allBytes, bytes, entriesOf, loadAll, many, put, putSub, remove, removeSub, text } from './entries.ts'
import type { StateBackendFixture } from './fixture.ts'

/** What changes do to the entries. */
export function changeContract(at: StateBackendFixture): void {
  describe('changes', () => {
    it('put, replace and delete single values', async () => {
      const store = await at.owned()
      await at.commit(store, 1, [
        put('s', 0, 'a', '1'),
        put('s', 0, 'b', '1'),
        put('s', 1, 'a', '1'),
        put('t', 0, 'a', '1'),
      ])
      await at.commit(store, 2, [put('s', 0, 'a', '2'), remove('s', 0, 'b'), remove('s', 0, 'never')])
      expect(await loadAll(store)).toEqual(['s 0 a = 2', 's 1 a = 1', 't 0 a = 1'])
    })

    it('put, replace and delete entries by sub key', async () => {
      const store = await at.owned()
      await at.commit(store, 1, [
        putSub('m', 0, 'k', 'a', '1'),
        putSub('m', 0, 'k', 'b', '1'),
        putSub('m', 0, 'l', 'a', '1'),
      ])
      await at.commit(store, 2, [
        putSub('m', 0, 'k', 'a', '2'),
        removeSub('m', 0, 'k', 'b'),
        removeSub('m', 0, 'l', 'a'),
      ])
      expect(await loadAll(store)).toEqual(['m 0 k/a = 2'])
      await at.commit(store, 3, [putSub('m', 0, 'l', 'c', '3')])
      expect(await loadAll(store)).toEqual(['m 0 k/a = 2', 'm 0 l/c = 3'])
    })

    it('delete a key with all its entries', async () => {
      const store = await at.owned()
      await at.commit(store, 1, [
        putSub('m', 0, 'k', 'a', '1'),
        putSub('m', 0, 'k', 'b', '1'),
        putSub('m', 0, 'l', 'a', '1'),
      ])
      await at.commit(store, 2, [remove('m', 0, 'k'), putSub('m', 0, 'k', 'c', '2')])
      expect(await loadAll(store)).toEqual(['m 0 k/c = 2', 'm 0 l/a = 1'])
      await at.commit(store, 3, [putSub('m', 0, 'l', 'b', '3'), remove('m', 0, 'l')])
      expect(await loadAll(store)).toEqual(['m 0 k/c = 2'])
    })

    it('take effect in their order', async () => {
      const store = await at.owned()
      await at.commit(store, 1, [
        put('s', 0, 'k', '1'),
        remove('s', 0, 'k'),
        put('s', 0, 'k', '2'),
        putSub('m', 0, 'k', 'a', '1'),
        removeSub('m', 0, 'k', 'a'),
        put('s', 0, 'l', '1'),
        remove('s', 0, 'l'),
      ])
      expect(await loadAll(store)).toEqual(['s 0 k = 2'])
    })

    it('tell an empty value, key and sub key from none', async () => {
      const store = await at.owned()
      await at.commit(store, 1, [put('s', 0, '', ''), put('s', 0, 'k', ''), putSub('m', 0, '', '', '')])
      expect(await loadAll(store)).toEqual(['m 0 / = ', 's 0  = ', 's 0 k = '])
      const found = await store.getMany('s', [
        { keyGroup: 0, key: bytes('') },
        { keyGroup: 0, key: bytes('none') },
      ])
      expect(found.map((entries) => entries.length)).toEqual([1, 0])
      expect(found[0]?.[0]?.value).toHaveLength(0)
    })

    it('keep every byte of keys, sub keys and values', async () => {
      const store = await at.owned()
      const state = 'uid:1/naïve {state}\n'
      const change = { state, keyGroup: 127, key: allBytes, sub: allBytes, value: allBytes }
      await at.commit(store, 1, [change, { ...change, state: 'single', sub: null }])
      const again = await at.owned()
      expect((await entriesOf(again)).sort((a, b) => a.state.localeCompare(b.state))).toEqual([
        { ...change, state: 'single', sub: null },
        change,
      ])
      expect(await again.getMany(state, [{ keyGroup: 127, key: allBytes }])).toEqual([[change]])
    })

    it('tell states apart whose names contain each other and separators', async () => {
      const store = await at.owned()
      await at.commit(store, 1, [
        putSub('a', 1, ':1:b:k', 's', '1'),
        putSub('a:1:b', 1, 'k', 's', '2'),
        putSub('a', 11, 'k', 's', '3'),
        putSub('1:a', 1, 'k', 's', '4'),
      ])
      expect(await loadAll(store)).toEqual(['1:a 1 k/s = 4', 'a 1 :1:b:k/s = 1', 'a 11 k/s = 3', 'a:1:b 1 k/s = 2'])
    })

    it('come by the ten thousand in one epoch', async () => {
      const store = await at.owned()
      const changes = many(20_000, (i) =>
        i % 4 === 0 ? putSub('map', i % 128, `k${i % 100}`, `s${i}`, `v${i}`) : put('value', i % 128, `k${i}`, `v${i}`),
      )
      await at.commit(store, 1, changes)
      const next = await at.owned()
      expect(await loadAll(next)).toEqual(changes.map((change) => text(change as StateEntry)).sort())
      const removals = many(20_000, (i) =>
        i % 4 === 0 ? remove('map', i % 128, `k${i % 100}`) : remove('value', i % 128, `k${i}`),
      )
      await at.commit(next, 2, [...removals, put('value', 0, 'last', 'v')])
      expect(await loadAll(await at.owned())).toEqual(['value 0 last = v'])
    })

    it('come by 50,000 and more than 16 MB in one epoch', async () => {
      const store = await at.owned()
      const filling = '.'.repeat(400)
      const changes = many(50_000, (i) => put('s', i % 128, `key ${i}`, `${i}${filling}`))
      await at.commit(store, 1, changes)
      const found = await entriesOf(await at.owned())
      expect(found).toHaveLength(50_000)
      const wrong = found.filter(({ key, value }) => `${String(value)}` !== `${String(key).slice(4)}${filling}`)
      expect(wrong).toEqual([])
      expect(new Set(found.map(({ keyGroup, key }) => `${keyGroup} ${key}`)).size).toBe(50_000)
    })

    it('hold a value of a megabyte and a map of many entries', async () => {
      const store = await at.owned()
      const large = Buffer.alloc(1024 * 1024, 7)
      await at.commit(store, 1, [
        { state: 's', keyGroup: 0, key: bytes('large'), sub: null, value: large },
        ...many(5000, (i) => putSub('m', 0, 'wide', `s${i}`, 'v')),
      ])
      const [[entry]] = (await store.getMany('s', [{ keyGroup: 0, key: bytes('large') }])) as [[StateEntry]]
      expect(large.equals(entry.value)).toBe(true)
      const [wide] = await store.getMany('m', [{ keyGroup: 0, key: bytes('wide') }])
      expect(new Set(wide?.map(({ sub }) => String(sub))).size).toBe(5000)
      expect(await entriesOf(store)).toHaveLength(5001)
    })
  })
}
