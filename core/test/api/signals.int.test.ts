import { describe, expect, it } from 'vitest'
import { backlog, type Collector, job, json, silentLogger } from '../../src/index.ts'
import { baseTime, openWriter, readCommitted, until } from '../contract/log-contract/fixture.ts'
import { realServers } from '../real-servers.ts'
import { stagedJob, stagedOutcome } from './staged.ts'

const servers = realServers()

describe('signals', () => {
  it.each([1, 2])(
    'through exchanges on Kafka, over stops of the job (parallelism %i)',
    { timeout: 60_000 },
    async (parallelism) => {
      const name = `staged-${parallelism}`
      await servers.log.createTopics([{ name: `${name}-out`, partitions: 2 }])
      const staged = stagedJob(name)
      const run = {
        ...servers.providers(),
        parallelism,
        epochInterval: 10,
        logger: silentLogger,
      }
      const lines = async (): Promise<string[]> => {
        const { seen } = await readCommitted(servers.log, `${name}-out`, 2)
        return seen.map(({ value }) => JSON.parse(value as string) as string)
      }
      const expected = stagedOutcome(parallelism)
      // Stops in the middle of the stages, and wherever the later ones come to lie.
      for (const part of [0.2, 0.5]) {
        const handle = staged.start(run)
        await until('some of it is there', async () => (await lines()).length >= expected.length * part)
        await handle.stop()
      }
      await staged.run(run)
      expect((await lines()).sort()).toEqual(expected)
    },
  )
})

it('a Kafka topic is behind while more lies in it than its bound', { timeout: 60_000 }, async () => {
  const topics = ['lagging-in', 'lagging-out'].map((name) => ({ name, partitions: 2 }))
  await servers.log.createTopics(topics)
  const write = async (count: number): Promise<void> => {
    // In a transaction, whose markers lie behind the last record.
    const writer = await openWriter(servers.log, { transactionalId: 'lagging-writer', maxBufferedBytes: 1 << 24 })
    const output = await writer.output('lagging-in')
    for (let n = 0; n < count; n++) output.append(n % 2, baseTime(), null, n, json<number>())
    writer.seal()
    await writer.flush()
    await writer.commit('lagging-writers', [])
    await writer.close()
  }
  await write(20_000)
  const heard: unknown[] = []
  const lagging = job('lagging', (env) => {
    env
      .topic('lagging-in', json<number>(), { backlog: { maxLag: 1_000 } })
      .keyBy((n) => n % 7)
      .process({
        hears: [backlog],
        onRecord: (n, { isBacklog }, out: Collector<string>) => out.emit(`${n} ${isBacklog ? 'old' : 'new'}`),
        onSignal: ({ value }) => heard.push(value),
      })
      .toTopic('lagging-out', json())
  })
  const handle = lagging.start({
    ...servers.providers(),
    epochInterval: 10,
    epochIntervalDuringBacklog: 200,
    logger: silentLogger,
  })
  const lines = async (): Promise<string[]> => {
    const { seen } = await readCommitted(servers.log, 'lagging-out', 2)
    return seen.map(({ value }) => JSON.parse(value as string) as string)
  }
  await until('all is read', async () => (await lines()).length === 20_000)
  await until('nothing is behind any more', () => heard.at(-1) === false)
  await write(10)
  await until('the rest is read', async () => (await lines()).length === 20_010)
  await handle.stop()
  const all = await lines()
  expect(all.filter((line) => line.endsWith('old')).length).toBeGreaterThan(10_000)
  expect(heard.at(-1)).toBe(false)
})
