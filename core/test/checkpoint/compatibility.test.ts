import { describe, expect, it } from 'vitest'
import { checkStateFits, type StateShape } from '../../src/checkpoint/compatibility.ts'
import type { EpochMeta } from '../../src/checkpoint/format.ts'

const stored: EpochMeta = {
  graphHash: 'old',
  parallelism: 2,
  maxParallelism: 128,
  partitions: [],
  splits: {},
  operators: {},
  committables: {},
  catalog: [
    { state: 'count/total', kind: 'value', format: 'msgpack@1' },
    { state: 'rules/seen', kind: 'map', format: 'msgpack@1' },
  ],
  finished: false,
}
const same: StateShape = { parallelism: 2, maxParallelism: 128, catalog: stored.catalog }
const where = { job: 'j', task: 'r/0' }

describe('checking stored state against a new version of the job', () => {
  it('accepts the same operators and states, and new ones beside them', () => {
    checkStateFits(stored, same, where)
    const more = [...same.catalog, { state: 'new/x', kind: 'list', format: 'json@1' }]
    checkStateFits(stored, { ...same, catalog: more }, where)
  })

  it('names every difference at once', () => {
    const wanted: StateShape = {
      parallelism: 4,
      maxParallelism: 256,
      catalog: [{ state: 'count/total', kind: 'list', format: 'msgpack@1' }],
    }
    try {
      checkStateFits(stored, wanted, where)
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({
        code: 'STATE_INCOMPATIBLE',
        reaction: 'fail-job',
        differences: [
          expect.stringContaining('maxParallelism was 128 and is now 256'),
          expect.stringContaining('2 tasks and now has 4'),
          expect.stringContaining('count/total was a value state and is now a list state'),
          expect.stringContaining('rules/seen is stored, but no operator'),
        ],
      })
    }
  })

  it('refuses a state whose serde has changed', () => {
    const changed = [{ state: 'count/total', kind: 'value', format: 'json@1' }, stored.catalog[1] as never]
    expect(() => checkStateFits(stored, { ...same, catalog: changed }, where)).toThrow(
      /written as msgpack@1.*declared as json@1/,
    )
  })
})
