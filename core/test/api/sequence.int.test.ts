import { expect, it } from 'vitest'
import { realServers } from '../real-servers.ts'
import { expectedOutcome, runSequence } from './sequence.ts'

const servers = realServers()

it.each([1, 2])(
  'a Kafka topic is read after its archive (parallelism %i)',
  { timeout: 60_000 },
  async (parallelism) => {
    const options = { ...servers.providers(), parallelism }
    const outcome = await runSequence(servers.log, `job-${parallelism}`, options)
    expect(outcome).toEqual(expectedOutcome())
  },
)
