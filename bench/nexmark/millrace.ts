import { withOwnRedis } from './own-redis.ts'
import { queries } from './queries/index.ts'
import { startQuery } from './query-process.ts'
import type { System } from './system.ts'
import { latestOfKey, rowPerRecord } from './verify/output-rows.ts'

export const millrace: System = {
  name: 'millrace',
  title: 'Millrace',
  async prepare() {},
  outputForm(query) {
    return queries[query].key === undefined ? rowPerRecord : latestOfKey
  },
  run({ query, brokers, input, output, parallelism, commitMs }) {
    return withOwnRedis((redisUrl) =>
      startQuery({ query, brokers, redisUrl, input, output, parallelism, epochMs: commitMs, bounded: true }),
    )
  },
}
