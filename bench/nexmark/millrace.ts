import { RedisServer } from '@millrace/testcontainers'
import { lastLine } from './last-line.ts'
import { processCpuMs, processPeakRssMb } from './process-times.ts'
import { queries } from './queries/index.ts'
import { type QueryMeasure, startQuery } from './query-process.ts'
import type { System } from './system.ts'
import { latestOfKey, rowPerRecord } from './verify/output-rows.ts'

/** Millrace, with its state in a Redis of its own for each run, as the others have folders of their own. */
export const millrace: System = {
  name: 'millrace',
  title: 'Millrace',
  async prepare() {},
  outputForm(query) {
    return queries[query].key === undefined ? rowPerRecord : latestOfKey
  },
  async run({ query, brokers, input, output, parallelism, commitMs }) {
    const state = await RedisServer.start()
    try {
      const child = startQuery({
        query,
        brokers,
        redisUrl: state.url,
        input,
        output,
        parallelism,
        epochMs: commitMs,
        bounded: true,
      })
      const measure = await lastLine<QueryMeasure>(child)
      return {
        ...measure,
        stateCpuMs: processCpuMs(state.pid),
        statePeakRssMb: processPeakRssMb(state.pid),
        dropped: null,
      }
    } finally {
      await state.stop()
    }
  },
}
