import { lastLine } from '../last-line.ts'
import { withOwnRedis } from './own-redis.ts'
import { queries } from './queries/index.ts'
import { buildQueries, type QueryMeasure, startQuery } from './query-process.ts'
import type { System } from './system.ts'
import { latestOfKey, rowPerRecord } from './verify/output-rows.ts'

export const millrace: System = {
  name: 'millrace',
  title: 'Millrace',
  prepare: buildQueries,
  outputForm(query) {
    return queries[query].key === undefined ? rowPerRecord : latestOfKey
  },
  async run({ query, brokers, input, output, parallelism, commitMs }) {
    const measure = await withOwnRedis((redisUrl) => {
      const child = { query, brokers, redisUrl, input, output, parallelism, epochMs: commitMs, bounded: true }
      return lastLine<QueryMeasure>(startQuery(child))
    })
    return { ...measure, dropped: null }
  },
}
