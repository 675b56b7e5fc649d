import { randomUUID } from 'node:crypto'
import { type Cluster, Redis } from 'ioredis'
import { silentLogger } from '../../../src/metrics/logger.ts'
import type { StateBackend, TaskAddress } from '../../../src/state/backend.ts'
import { type RedisStateOptions, redis } from '../../../src/state/redis/index.ts'
import { TaskKeys } from '../../../src/state/redis/keys.ts'
import { systemClock } from '../../../src/time/clock.ts'
import type { StateBackendUnderTest } from '../../contract/state-backend.contract.ts'

/** The contract's view of a Redis, with keys of its own; `admin` is a client for what only a test does. */
export function redisUnderTest(options: RedisStateOptions, admin: Redis | Cluster): StateBackendUnderTest {
  const keyPrefix = `contract-${randomUUID()}`
  const underTest: StateBackendUnderTest = {
    betweenChunks: undefined,
    open: () => connected({ ...options, keyPrefix }, () => underTest.betweenChunks?.()),
    setUnknownVersion: async (address: TaskAddress) => {
      await admin.hset(new TaskKeys(keyPrefix, address).header, 'version', '2')
    },
    close: async () => admin.disconnect(),
  }
  return underTest
}

export async function connected(
  options: RedisStateOptions,
  betweenChunks: () => void | Promise<void> = () => {},
): Promise<StateBackend> {
  const backend = redis(options).create({ clock: systemClock, logger: silentLogger, betweenChunks })
  await backend.connect()
  return backend
}

export function adminOf(url: string): Redis {
  return new Redis(url)
}
