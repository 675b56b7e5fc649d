import { fetchKafka } from '../src/kafka/native.ts'
import { chooseProvider } from '../src/provider.ts'
import { findRedisServer } from '../src/redis/binary.ts'

/** Fetches the native servers before the tests that use them, so that a slow network does not count as a slow test. */
export default async function prefetch(): Promise<void> {
  try {
    if ((await chooseProvider({ variable: 'MILLRACE_KAFKA_BROKERS' })) === 'native') await fetchKafka()
    if ((await chooseProvider({ variable: 'MILLRACE_REDIS_URL' })) === 'native') await findRedisServer()
  } catch (error) {
    // The tests that need the server fail with the same words; those that do not can run.
    console.error((error as Error).message)
  }
}
