import { job, memoryLog } from '@millrace/core'
import { describe, expect, it } from 'vitest'
import { buildQuery } from '../../nexmark/build-query.ts'
import { queryNames } from '../../nexmark/queries/index.ts'
import { difference, fill, PARTITIONS, sample } from './sample.ts'

/** Forty seconds of event time. */
const events = sample(12_000, 300)

it('makes 46 bids, 3 auctions and a person of every 50 events, as JSON of about 280 bytes', () => {
  const counts = [0, 1, 2].map((type) => events.filter((event) => event.event_type === type).length)
  expect(counts).toEqual([240, 720, 11_040])
  const bytes = events.reduce((sum, event) => sum + JSON.stringify(event).length, 0) / events.length
  expect(bytes).toBeGreaterThan(230)
  expect(bytes).toBeLessThan(330)
})

describe.each([1, 2])('at parallelism %i', (parallelism) => {
  it.each(queryNames)('%s gives what follows from the events', async (query) => {
    const log = memoryLog()
    // So large batches that partitions are far apart when they are read.
    fill(log.storage, 'events', events, 1_000)
    log.storage.createTopic('rows', PARTITIONS)
    await job(query, (env) => {
      buildQuery(env, { query, input: 'events', output: 'rows', bounded: true })
    }).run({ log, parallelism, epochInterval: 20 })

    const { expected, ...found } = await difference(log, query, 'rows', events)

    expect(expected).toBeGreaterThan(0)
    expect(found).toEqual({ missing: 0, extra: 0, missingRows: [], extraRows: [] })
  })
})
