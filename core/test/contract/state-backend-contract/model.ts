import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { StateChange } from '../../../src/state/backend.ts'
import { bytes, loadAll, text } from './entries.ts'
import type { StateBackendFixture } from './fixture.ts'

/** Any sequence of epochs against a map. */
export function modelContract(at: StateBackendFixture, runs: number): void {
  it('holds what a simple map holds after any sequence of epochs', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(anyChange, { maxLength: 30 }), { minLength: 1, maxLength: 5 }),
        async (epochs) => {
          const of = { job: `job-${randomUUID()}`, region: 'r', index: 0 }
          const model = new Map<string, string>()
          const store = await at.owned(of)
          for (const [i, changes] of epochs.entries()) {
            for (const change of changes) applyToModel(model, change)
            await at.commit(store, i + 1, changes)
            expect(await loadAll(store)).toEqual(modelText(model))
          }
          const everyKey = keyGroups.flatMap((keyGroup) => keyNames.map((key) => ({ keyGroup, key: bytes(key) })))
          const found = (await Promise.all(stateNames.map((state) => store.getMany(state, everyKey)))).flat(2)
          expect(found.map(text).sort()).toEqual(modelText(model))
        },
      ),
      { numRuns: runs },
    )
  })
}

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
