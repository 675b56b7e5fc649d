import { afterAll, beforeAll, describe } from 'vitest'
import type { LogFixture } from './log-contract/fixture.ts'
import { groupContract } from './log-contract/groups.ts'
import { recordContract } from './log-contract/records.ts'
import { topicContract } from './log-contract/topics.ts'
import { transactionContract } from './log-contract/transactions.ts'
import { writerContract } from './log-contract/writers.ts'

export type { LogFixture } from './log-contract/fixture.ts'

/**
 * What every implementation of the Log SPI must do. It assumes nothing about time: it waits, within bounds, for what must
 * happen, and proves an absence by something else that arrives. Names of topics and groups are unique, so that it can be
 * run against a server that others use. `create` is called once.
 */
export function logContract(name: string, create: () => Promise<LogFixture>): void {
  describe(`Log contract: ${name}`, () => {
    let fixture: LogFixture
    beforeAll(async () => {
      fixture = await create()
    })
    afterAll(async () => {
      await fixture?.close()
    })
    const get = (): LogFixture => fixture
    topicContract(get)
    recordContract(get)
    writerContract(get)
    transactionContract(get)
    groupContract(get)
  })
}
