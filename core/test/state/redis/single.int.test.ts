import { RedisServer } from '@millrace/testcontainers'
import { afterAll } from 'vitest'
import { stateBackendContract } from '../../contract/state-backend.contract.ts'
import { adminOf, redisUnderTest } from './redis-under-test.ts'

const server = await RedisServer.start({ appendfsync: 'no' })
afterAll(() => server.stop())

stateBackendContract('redis', async () => redisUnderTest({ url: server.url }, adminOf(server.url)), { runs: 60 })
