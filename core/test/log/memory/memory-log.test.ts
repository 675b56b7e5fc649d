import { memoryLog } from '../../../src/log/memory/index.ts'
import { silentLogger } from '../../../src/metrics/logger.ts'
import { systemClock } from '../../../src/time/clock.ts'
import { logContract } from '../../contract/log.contract.ts'
import { unique } from '../../contract/log-contract/fixture.ts'

logContract('memory', async () => {
  const log = memoryLog().create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  return {
    log,
    async topic(partitions) {
      const name = unique('topic')
      await log.createTopics([{ name, partitions }])
      return name
    },
    close: () => log.close(),
  }
})
