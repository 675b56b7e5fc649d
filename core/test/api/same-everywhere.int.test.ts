import { expect, it } from 'vitest'
import { memoryLog, silentLogger } from '../../src/index.ts'
import { systemClock } from '../../src/time/clock.ts'
import { realServers } from '../real-servers.ts'
import { runEverything } from './same-everywhere.ts'

const servers = realServers()

it('a job with windows, joins, timers and rules says the same on Kafka and Redis as in memory', {
  timeout: 180_000,
}, async () => {
  const provider = memoryLog()
  const memory = provider.create({ clock: systemClock, logger: silentLogger })
  await memory.connect()
  const expected = await runEverything(memory, { name: 'memory', bounded: true, run: { log: provider } }, null)
  await memory.close()
  for (const bounded of [true, false]) {
    for (const parallelism of [1, 2, 4]) {
      const name = `${bounded ? 'bounded' : 'unbounded'}-${parallelism}`
      const run = { ...servers.providers(), parallelism }
      expect(await runEverything(servers.log, { name, bounded, run }, expected.length), name).toEqual(expected)
    }
  }
})
