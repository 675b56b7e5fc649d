import { describe, expect, it } from 'vitest'
import { job, json, memoryLog, memoryState, silentLogger } from '../../src/index.ts'
import { systemClock } from '../../src/time/clock.ts'
import { expectedOutcome, runSequence } from './sequence.ts'

describe('a topic that comes after an archive', () => {
  it.each([1, 2, 3])(
    'is read when all of the archive has been, with time that goes on (parallelism %i)',
    async (parallelism) => {
      const provider = memoryLog()
      const log = provider.create({ clock: systemClock, logger: silentLogger })
      await log.connect()
      const { seen, windows } = await runSequence(log, 'job', { log: provider, state: memoryState(), parallelism })
      expect(seen).toEqual(expectedOutcome().seen)
      expect(windows).toEqual(expectedOutcome().windows)
      await log.close()
    },
    60_000,
  )

  it('may follow any bounded stream', async () => {
    const log = memoryLog()
    log.storage.createTopic('live', 1)
    log.storage.write('live', 0, [{ value: Buffer.from('4'), timestamp: 0 }])
    const read: number[] = []
    const handle = job('any', (env) => {
      const first = env.from([1, 2, 3]).map((n) => n * 10)
      env.topic('live', json<number>(), { after: first }).collect(read)
    }).start({ log, epochInterval: 5, logger: silentLogger })
    await expect.poll(() => read).toEqual([10, 20, 30, 4])
    await handle.stop()
  })

  it('is refused after what does not end', () => {
    const endless = job('wrong', (env) => {
      env.topic('live', json<number>(), { after: env.topic('other', json<number>()) }).print()
    })
    expect(() => endless.start({ log: memoryLog() })).toThrow(/comes after a stream of 'other', which does not end/)
  })
})
