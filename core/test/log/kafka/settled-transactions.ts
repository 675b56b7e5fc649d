import { setTimeout } from 'node:timers/promises'
import { Connection, describeTransactionsV0, findCoordinatorV3 } from '@platformatic/kafka'
import type { Log, LogWriter, LogWriterOptions } from '../../../src/log/log.ts'
import { WAIT_MS } from '../../contract/log-contract/fixture.ts'

const transactionCoordinator = 1

/**
 * Kafka decides a transaction in one step and shows it to readers a moment later, when the markers have reached the
 * partitions. The contract looks at once, so here `commit` and `abort` also wait until the server says that this is done.
 */
export function settleTransactions(log: Log): Log {
  const createWriter = log.createWriter.bind(log)
  return Object.assign(log, {
    createWriter(options: LogWriterOptions): LogWriter {
      const writer = createWriter(options)
      const { transactionalId } = options
      if (transactionalId === null) return writer
      const commit = writer.commit.bind(writer)
      const abort = writer.abort.bind(writer)
      return Object.assign(writer, {
        async commit(...args: Parameters<LogWriter['commit']>): Promise<void> {
          await commit(...args)
          await settled(log, transactionalId)
        },
        async abort(): Promise<void> {
          await abort()
          await settled(log, transactionalId)
        },
      })
    },
  })
}

async function settled(log: Log, transactionalId: string): Promise<void> {
  const [host = '', port = ''] = log.describe().replace('kafka at ', '').split(',')[0]?.split(':') ?? []
  const connection = new Connection('contract')
  try {
    await connection.connect(host, Number(port))
    await findCoordinatorV3.api.async(connection, transactionCoordinator, [transactionalId])
    const deadline = Date.now() + WAIT_MS
    for (;;) {
      const { transactionStates } = await describeTransactionsV0.api.async(connection, [transactionalId])
      const state = transactionStates[0]?.transactionState ?? ''
      // The next transaction cannot begin before this one is complete.
      if (!state.startsWith('Prepare')) return
      if (Date.now() > deadline) throw new Error(`The transaction of ${transactionalId} stays ${state}`)
      await setTimeout(5)
    }
  } finally {
    await connection.close()
  }
}
