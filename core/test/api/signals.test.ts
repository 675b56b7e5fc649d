import { describe, expect, it } from 'vitest'
import { memoryLog, memoryState, silentLogger } from '../../src/index.ts'
import { stagedJob, stagedOutcome } from './staged.ts'

describe('signals through exchanges', () => {
  it.each([1, 2, 4])('have their place among the records, over all tasks (parallelism %i)', async (parallelism) => {
    const log = memoryLog()
    log.storage.createTopic('staged-out', 2)
    const options = { log, state: memoryState(), parallelism, epochInterval: 5, logger: silentLogger }
    await stagedJob('staged').run(options)
    const lines = log.storage.read('staged-out').map(({ value }) => JSON.parse(String(value)) as string)
    expect(lines.sort()).toEqual(stagedOutcome(parallelism))
  })
})
