import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FencedError, StreamError } from '../../src/errors.ts'
import type { StateBackend, StateChange, StateEntry, TaskAddress, TaskStore } from '../../src/state/backend.ts'

/** One storage and the ways to reach it. */
export interface StateBackendUnderTest {
  /** Another connected client of the same storage, as another worker would have it. */
  open(): Promise<StateBackend>
  /** When set, called between two steps of every `apply`, whichever client runs it. */
  betweenChunks: (() => void | Promise<void>) | undefined
  /** Gives what is stored for the task the version of a later Millrace. */
  setUnknownVersion(address: TaskAddress): Promise<void>
  close(): Promise<void>
}

export interface StateBackendContractOptions {
  /** Runs of each property. */
  readonly runs?: number
}

/** What every state backend must do. */
export function stateBackendContract(
  name: string,
  create: () => Promise<StateBackendUnderTest>,
  options: StateBackendContractOptions = {},
): void {
  describe(`StateBackend ${name}`, () => {
    let storage: StateBackendUnderTest
    let backend: StateBackend
    let other: StateBackend
    let address: TaskAddress

    beforeAll(async () => {
      storage = await create()
      backend = await storage.open()
      other = await storage.open()
    })

    afterAll(async () => {
      await backend.close()
      await other.close()
      await storage.close()
    })

    beforeEach(() => {
      storage.betweenChunks = undefined
      address = { job: `job-${randomUUID()}`, region: 'region', index: 0 }
    })

    async function owned(of: TaskAddress = address): Promise<TaskStore> {
      const store = backend.task(of)
      await store.acquire()
      return store
    }

    async function commit(store: TaskStore, epoch: number, changes: readonly StateChange[]): Promise<void> {
      await store.stage({ epoch, meta: Buffer.from(`meta ${epoch}`), changes })
      await store.apply(epoch)
    }

    describe('a task', () => {
      it('has nothing before its first epoch', async () => {
        const store = backend.task(address)
        expect(await store.acquire()).toEqual({ applied: null, decided: null, staged: [] })
        expect(await loadAll(store)).toEqual([])
        expect(await store.getMany('s', [{ keyGroup: 0, key: bytes('k') }])).toEqual([[]])
      })

      it('keeps a staged epoch aside until it is applied', async () => {
        const store = await owned()
        await store.stage({ epoch: 1, meta: bytes('m'), changes: [put('s', 3, 'k', 'v')] })
        expect(await loadAll(store)).toEqual([])
        expect(await store.acquire()).toEqual({ applied: null, decided: null, staged: [1] })
        await store.apply(1)
        expect(await loadAll(store)).toEqual(['s 3 k = v'])
        const { applied, staged } = await store.acquire()
        expect([applied?.epoch, String(applied?.meta), staged]).toEqual([1, 'm', []])
      })

      it('replaces the meta as a whole with each epoch, also by an empty one', async () => {
        const store = await owned()
        await store.stage({ epoch: 1, meta: allBytes, changes: [] })
        await store.apply(1)
        expect((await store.acquire()).applied).toEqual({ epoch: 1, meta: allBytes })
        await store.stage({ epoch: 2, meta: Buffer.alloc(0), changes: [] })
        await store.apply(2)
        expect((await store.acquire()).applied).toEqual({ epoch: 2, meta: Buffer.alloc(0) })
      })

      it('lists its staged epochs in order', async () => {
        const store = await owned()
        for (const epoch of [10, 9, 11]) await store.stage({ epoch, meta: bytes(''), changes: [] })
        expect((await store.acquire()).staged).toEqual([9, 10, 11])
      })

      it('replaces an epoch that is staged again', async () => {
        const store = await owned()
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
        const store = await owned()
        for (const epoch of [4, 5, 6])
          await store.stage({ epoch, meta: bytes(''), changes: [put('s', 0, `${epoch}`, 'v')] })
        await store.discardAbove(4)
        expect((await store.acquire()).staged).toEqual([4])
        await store.apply(4)
        expect(await loadAll(store)).toEqual(['s 0 4 = v'])
      })

      it('remembers the decided epoch apart from the applied one', async () => {
        const store = await owned()
        await store.stage({ epoch: 1, meta: bytes(''), changes: [] })
        await store.decide(1)
        expect(await store.acquire()).toEqual({ applied: null, decided: 1, staged: [1] })
        await store.apply(1)
        const { applied, decided } = await store.acquire()
        expect([applied?.epoch, decided]).toEqual([1, 1])
      })

      it('refuses to decide or apply what is not staged', async () => {
        const store = await owned()
        await expect(store.decide(1)).rejects.toMatchObject({ code: 'STATE_BACKEND_FAILED' })
        await expect(store.apply(1)).rejects.toMatchObject({ code: 'STATE_BACKEND_FAILED' })
      })

      it('refuses to stage and to apply an epoch that is not newer than its state', async () => {
        const store = await owned()
        await store.stage({ epoch: 1, meta: bytes(''), changes: [put('s', 0, 'k', 'old')] })
        await commit(store, 2, [put('s', 0, 'k', 'new')])
        await expect(store.apply(1)).rejects.toMatchObject({ code: 'STATE_BACKEND_FAILED' })
        for (const epoch of [1, 2]) {
          const staging = store.stage({ epoch, meta: bytes(''), changes: [put('s', 0, 'k', 'old')] })
          await expect(staging).rejects.toMatchObject({ code: 'STATE_BACKEND_FAILED' })
        }
        expect(await loadAll(store)).toEqual(['s 0 k = new'])
      })

      it('refuses every call before acquire', async () => {
        const store = backend.task(address)
        await expect(store.stage({ epoch: 1, meta: bytes(''), changes: [] })).rejects.toSatisfy(StreamError.is)
        await expect(store.apply(1)).rejects.toSatisfy(StreamError.is)
      })

      it('takes bytes by value: changing a buffer afterwards changes nothing', async () => {
        const store = await owned()
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
        entry?.value.fill('y')
        expect(await loadAll(store)).toEqual(['s 0 before = before'])
        expect(String((await store.acquire()).applied?.meta)).toBe('before')
      })

      it('refuses state of an unknown version and leaves it as it is', async () => {
        await commit(await owned(), 1, [put('s', 0, 'k', 'v')])
        await storage.setUnknownVersion(address)
        await expect(other.task(address).acquire()).rejects.toMatchObject({ code: 'STATE_CORRUPT' })
        await expect(other.task(address).acquire()).rejects.toThrow(/version/)
      })
    })

    describe('changes', () => {
      it('put, replace and delete single values', async () => {
        const store = await owned()
        await commit(store, 1, [
          put('s', 0, 'a', '1'),
          put('s', 0, 'b', '1'),
          put('s', 1, 'a', '1'),
          put('t', 0, 'a', '1'),
        ])
        await commit(store, 2, [put('s', 0, 'a', '2'), remove('s', 0, 'b'), remove('s', 0, 'never')])
        expect(await loadAll(store)).toEqual(['s 0 a = 2', 's 1 a = 1', 't 0 a = 1'])
      })

      it('put, replace and delete entries by sub key', async () => {
        const store = await owned()
        await commit(store, 1, [
          putSub('m', 0, 'k', 'a', '1'),
          putSub('m', 0, 'k', 'b', '1'),
          putSub('m', 0, 'l', 'a', '1'),
        ])
        await commit(store, 2, [
          putSub('m', 0, 'k', 'a', '2'),
          removeSub('m', 0, 'k', 'b'),
          removeSub('m', 0, 'l', 'a'),
        ])
        expect(await loadAll(store)).toEqual(['m 0 k/a = 2'])
        await commit(store, 3, [putSub('m', 0, 'l', 'c', '3')])
        expect(await loadAll(store)).toEqual(['m 0 k/a = 2', 'm 0 l/c = 3'])
      })

      it('delete a key with all its entries', async () => {
        const store = await owned()
        await commit(store, 1, [
          putSub('m', 0, 'k', 'a', '1'),
          putSub('m', 0, 'k', 'b', '1'),
          putSub('m', 0, 'l', 'a', '1'),
        ])
        await commit(store, 2, [remove('m', 0, 'k'), putSub('m', 0, 'k', 'c', '2')])
        expect(await loadAll(store)).toEqual(['m 0 k/c = 2', 'm 0 l/a = 1'])
        await commit(store, 3, [putSub('m', 0, 'l', 'b', '3'), remove('m', 0, 'l')])
        expect(await loadAll(store)).toEqual(['m 0 k/c = 2'])
      })

      it('take effect in their order', async () => {
        const store = await owned()
        await commit(store, 1, [
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
        const store = await owned()
        await commit(store, 1, [put('s', 0, '', ''), put('s', 0, 'k', ''), putSub('m', 0, '', '', '')])
        expect(await loadAll(store)).toEqual(['m 0 / = ', 's 0  = ', 's 0 k = '])
        const found = await store.getMany('s', [
          { keyGroup: 0, key: bytes('') },
          { keyGroup: 0, key: bytes('none') },
        ])
        expect(found.map((entries) => entries.length)).toEqual([1, 0])
        expect(found[0]?.[0]?.value).toHaveLength(0)
      })

      it('keep every byte of keys, sub keys and values', async () => {
        const store = await owned()
        const state = 'uid:1/naïve {state}\n'
        const change = { state, keyGroup: 127, key: allBytes, sub: allBytes, value: allBytes }
        await commit(store, 1, [change, { ...change, state: 'single', sub: null }])
        const again = await owned()
        expect((await entriesOf(again)).sort((a, b) => a.state.localeCompare(b.state))).toEqual([
          { ...change, state: 'single', sub: null },
          change,
        ])
        expect(await again.getMany(state, [{ keyGroup: 127, key: allBytes }])).toEqual([[change]])
      })

      it('tell states apart whose names contain each other and separators', async () => {
        const store = await owned()
        await commit(store, 1, [
          putSub('a', 1, ':1:b:k', 's', '1'),
          putSub('a:1:b', 1, 'k', 's', '2'),
          putSub('a', 11, 'k', 's', '3'),
          putSub('1:a', 1, 'k', 's', '4'),
        ])
        expect(await loadAll(store)).toEqual(['1:a 1 k/s = 4', 'a 1 :1:b:k/s = 1', 'a 11 k/s = 3', 'a:1:b 1 k/s = 2'])
      })

      it('come by the ten thousand in one epoch', async () => {
        const store = await owned()
        const changes = many(20_000, (i) =>
          i % 4 === 0
            ? putSub('map', i % 128, `k${i % 100}`, `s${i}`, `v${i}`)
            : put('value', i % 128, `k${i}`, `v${i}`),
        )
        await commit(store, 1, changes)
        const next = await owned()
        expect(await loadAll(next)).toEqual(changes.map((change) => text(change as StateEntry)).sort())
        const removals = many(20_000, (i) =>
          i % 4 === 0 ? remove('map', i % 128, `k${i % 100}`) : remove('value', i % 128, `k${i}`),
        )
        await commit(next, 2, [...removals, put('value', 0, 'last', 'v')])
        expect(await loadAll(await owned())).toEqual(['value 0 last = v'])
      })

      it('come by 50,000 and more than 16 MB in one epoch', async () => {
        const store = await owned()
        const filling = '.'.repeat(400)
        const changes = many(50_000, (i) => put('s', i % 128, `key ${i}`, `${i}${filling}`))
        await commit(store, 1, changes)
        const found = await entriesOf(await owned())
        expect(found).toHaveLength(50_000)
        const wrong = found.filter(({ key, value }) => `${String(value)}` !== `${String(key).slice(4)}${filling}`)
        expect(wrong).toEqual([])
        expect(new Set(found.map(({ keyGroup, key }) => `${keyGroup} ${key}`)).size).toBe(50_000)
      })

      it('hold a value of a megabyte and a map of many entries', async () => {
        const store = await owned()
        const large = Buffer.alloc(1024 * 1024, 7)
        await commit(store, 1, [
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

    describe('getMany', () => {
      it('answers by position, with repeated and missing keys', async () => {
        const store = await owned()
        await commit(store, 1, [put('s', 5, 'a', '1'), put('s', 9, 'b', '2'), put('t', 5, 'a', 'other')])
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
        const store = await owned()
        await commit(store, 1, [
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
        await (await owned()).stage({ epoch: 1, meta: bytes(''), changes: [put('s', 0, 'k', 'v')] })
        const store = other.task(address)
        await store.acquire()
        await store.apply(1)
        expect((await store.getMany('s', [{ keyGroup: 0, key: bytes('k') }])).map((e) => e.map(text))).toEqual([
          ['s 0 k = v'],
        ])
      })

      it('answers for no keys at all', async () => {
        expect(await (await owned()).getMany('s', [])).toEqual([])
      })
    })

    describe('apply', () => {
      it('may be repeated', async () => {
        const store = await owned()
        await commit(store, 1, [put('s', 0, 'k', '1')])
        await store.apply(1)
        const successor = other.task(address)
        await successor.acquire()
        await successor.apply(1)
        expect(await loadAll(successor)).toEqual(['s 0 k = 1'])
      })

      it('is finished by the next owner when it was cut in the middle', async () => {
        const store = await owned()
        await commit(
          store,
          1,
          many(3000, (i) => put('s', i % 5, `k${i}`, 'old')),
        )
        const changes = [
          ...many(4000, (i) => put('s', i % 5, `k${i}`, 'new')),
          ...many(500, (i) => remove('s', i % 5, `k${i}`)),
          ...many(2000, (i) => putSub('m', i % 5, `k${i % 3}`, `s${i}`, 'v')),
        ]
        await store.stage({ epoch: 2, meta: bytes('two'), changes })
        const successor = other.task(address)
        let steps = 0
        storage.betweenChunks = async () => {
          if (++steps === 2) {
            expect((await successor.acquire()).staged).toEqual([2])
          }
        }
        await expect(store.apply(2)).rejects.toSatisfy(isFenced)
        expect(steps).toBe(2)
        expect((await successor.acquire()).applied?.epoch).toBe(1)
        await successor.apply(2)
        const expected = [
          ...many(3500, (i) => `s ${(i + 500) % 5} k${i + 500} = new`),
          ...many(2000, (i) => `m ${i % 5} k${i % 3}/s${i} = v`),
        ]
        expect(await loadAll(successor)).toEqual(expected.sort())
        expect((await successor.acquire()).applied).toEqual({ epoch: 2, meta: bytes('two') })
      })
    })

    describe('a take-over', () => {
      it('has every write of the former owner refused, without effect', async () => {
        const former = await owned()
        await commit(former, 1, [put('s', 0, 'k', '1')])
        await former.stage({ epoch: 2, meta: bytes('2'), changes: [put('s', 0, 'k', '2')] })
        const successor = other.task(address)
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
        const former = await owned()
        const changes = many(20_000, (i) => put('s', i % 128, `key ${i}`, 'value '.repeat(20)))
        const successor = other.task(address)
        const [staging, taking] = await Promise.allSettled([
          former.stage({ epoch: 1, meta: bytes(''), changes }),
          successor.acquire(),
        ])
        expect(taking.status).toBe('fulfilled')
        expect((await successor.acquire()).staged).toEqual(staging.status === 'fulfilled' ? [1] : [])
      })

      it('leaves one owner when several workers try at once', async () => {
        const stores = many(6, (i) => (i % 2 === 0 ? backend : other).task(address))
        await Promise.all(stores.map((store) => store.acquire()))
        const staged = await Promise.allSettled(
          stores.map((store, i) => store.stage({ epoch: 1, meta: bytes(`${i}`), changes: [] })),
        )
        expect(staged.map(({ status }) => status).sort()).toEqual(['fulfilled', ...many(5, () => 'rejected')])
        for (const result of staged) if (result.status === 'rejected') expect(result.reason).toSatisfy(isFenced)
        const owner = staged.findIndex(({ status }) => status === 'fulfilled')
        await stores[owner]?.apply(1)
        expect(String((await other.task(address).acquire()).applied?.meta)).toBe(`${owner}`)
      })

      it('also happens within one client and by the same store', async () => {
        const first = await owned()
        const second = await owned()
        await expect(first.stage({ epoch: 1, meta: bytes(''), changes: [] })).rejects.toSatisfy(isFenced)
        await commit(second, 1, [put('s', 0, 'k', 'v')])
        await first.acquire()
        await commit(first, 2, [put('s', 0, 'k', 'w')])
        await expect(second.apply(1)).rejects.toSatisfy(isFenced)
        expect(await loadAll(first)).toEqual(['s 0 k = w'])
      })
    })

    describe('tasks and jobs', () => {
      it('do not see each other', async () => {
        const addresses: TaskAddress[] = [
          address,
          { ...address, index: 1 },
          { ...address, region: 'region:0' },
          { ...address, job: `${address.job}:region` },
          { ...address, job: `${address.job}{x}`, region: 'ünï/code %' },
        ]
        for (const [i, of] of addresses.entries()) await commit(await owned(of), 1, [put('s', 0, 'k', `${i}`)])
        for (const [i, of] of addresses.entries()) expect(await loadAll(await owned(of))).toEqual([`s 0 k = ${i}`])
      })

      it('are forgotten job by job', async () => {
        const kept = { ...address, job: `${address.job}-kept` }
        await commit(await owned(kept), 1, [put('s', 0, 'k', 'kept')])
        const cleared = [address, { ...address, index: 1 }]
        const stores: TaskStore[] = []
        for (const of of cleared) {
          const store = await owned(of)
          await commit(store, 1, [
            put('s', 0, 'k', 'v'),
            putSub('m', 3, 'k', 'a', 'v'),
            ...many(2000, (i) => put('s', 1, `${i}`, '')),
          ])
          await store.stage({ epoch: 2, meta: bytes(''), changes: [] })
          stores.push(store)
        }
        await other.clear(address.job)
        for (const store of stores) await expect(store.apply(2)).rejects.toSatisfy(StreamError.is)
        for (const of of cleared) {
          const store = other.task(of)
          expect(await store.acquire()).toEqual({ applied: null, decided: null, staged: [] })
          expect(await loadAll(store)).toEqual([])
        }
        expect(await loadAll(await owned(kept))).toEqual(['s 0 k = kept'])
      })
    })

    it('holds what a simple map holds after any sequence of epochs', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(anyChange, { maxLength: 30 }), { minLength: 1, maxLength: 5 }),
          async (epochs) => {
            const of = { job: `job-${randomUUID()}`, region: 'r', index: 0 }
            const model = new Map<string, string>()
            const store = await owned(of)
            for (const [i, changes] of epochs.entries()) {
              for (const change of changes) applyToModel(model, change)
              await commit(store, i + 1, changes)
              expect(await loadAll(store)).toEqual(modelText(model))
            }
            const everyKey = keyGroups.flatMap((keyGroup) => keyNames.map((key) => ({ keyGroup, key: bytes(key) })))
            const found = (await Promise.all(stateNames.map((state) => store.getMany(state, everyKey)))).flat(2)
            expect(found.map(text).sort()).toEqual(modelText(model))
          },
        ),
        { numRuns: options.runs ?? 100 },
      )
    })
  })
}

const allBytes: Buffer = Buffer.from(Array.from({ length: 256 }, (_, i) => i))

const stateNames = ['s', 'm']
const keyGroups = [0, 1]
const keyNames = ['a', 'b', '']

const anyChange: fc.Arbitrary<StateChange> = fc.record({
  state: fc.constantFrom(...stateNames),
  keyGroup: fc.constantFrom(...keyGroups),
  key: fc.constantFrom(...keyNames).map(bytes),
  sub: fc.option(fc.constantFrom('x', 'y', '').map(bytes)),
  value: fc.option(fc.string({ maxLength: 3 }).map(bytes)),
})

function applyToModel(model: Map<string, string>, change: StateChange): void {
  const key = `${change.state} ${change.keyGroup} ${change.key}`
  if (change.value !== null) {
    model.set(change.sub === null ? key : `${key}/${change.sub}`, String(change.value))
  } else if (change.sub !== null) {
    model.delete(`${key}/${change.sub}`)
  } else {
    for (const name of model.keys()) if (name === key || name.startsWith(`${key}/`)) model.delete(name)
  }
}

function modelText(model: ReadonlyMap<string, string>): string[] {
  return [...model].map(([name, value]) => `${name} = ${value}`).sort()
}

function bytes(value: string): Buffer {
  return Buffer.from(value)
}

function put(state: string, keyGroup: number, key: string, value: string): StateChange {
  return { state, keyGroup, key: bytes(key), sub: null, value: bytes(value) }
}

function remove(state: string, keyGroup: number, key: string): StateChange {
  return { state, keyGroup, key: bytes(key), sub: null, value: null }
}

function putSub(state: string, keyGroup: number, key: string, sub: string, value: string): StateChange {
  return { state, keyGroup, key: bytes(key), sub: bytes(sub), value: bytes(value) }
}

function removeSub(state: string, keyGroup: number, key: string, sub: string): StateChange {
  return { state, keyGroup, key: bytes(key), sub: bytes(sub), value: null }
}

function many<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i))
}

function text({ state, keyGroup, key, sub, value }: StateEntry): string {
  return `${state} ${keyGroup} ${key}${sub === null ? '' : `/${sub}`} = ${value}`
}

async function entriesOf(store: TaskStore): Promise<StateEntry[]> {
  const entries: StateEntry[] = []
  for await (const batch of store.load()) entries.push(...batch)
  return entries
}

/** All entries as text, sorted; an entry that comes twice is seen. */
async function loadAll(store: TaskStore): Promise<string[]> {
  return (await entriesOf(store)).map(text).sort()
}

function isFenced(error: unknown): boolean {
  return error instanceof FencedError && error.code === 'FENCED' && error.reaction === 'leave-task'
}
