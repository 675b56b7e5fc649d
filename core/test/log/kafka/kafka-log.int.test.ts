import { KafkaServer } from '@millrace/testcontainers'
import { kafka } from '../../../src/log/kafka/index.ts'
import { silentLogger } from '../../../src/metrics/logger.ts'
import { systemClock } from '../../../src/time/clock.ts'
import { logContract } from '../../contract/log.contract.ts'
import { unique } from '../../contract/log-contract/fixture.ts'
import { settleTransactions } from './settled-transactions.ts'

logContract('kafka', async () => {
  const server = await KafkaServer.start()
  const provider = kafka({ brokers: server.brokers })
  const log = settleTransactions(provider.create({ clock: systemClock, logger: silentLogger }))
  await log.connect()
  return {
    log,
    async topic(partitions) {
      const name = unique('topic')
      await log.createTopics([{ name, partitions }])
      return name
    },
    async close() {
      await log.close()
      await server.stop()
    },
  }
})
