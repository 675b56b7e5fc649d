import type { ChildProcess } from 'node:child_process'
import { RedisServer } from '@millrace/testcontainers'
import { lastLine } from './last-line.ts'
import { processCpuMs, processPeakRssMb } from './process-times.ts'
import type { QueryMeasure } from './query-process.ts'
import type { SystemMeasure } from './system.ts'

/** Runs a measured process with its state in a Redis of its own, as the others have folders of their own. */
export async function withOwnRedis(start: (redisUrl: string) => ChildProcess): Promise<SystemMeasure> {
  const state = await RedisServer.start()
  try {
    const measure = await lastLine<QueryMeasure>(start(state.url))
    return {
      ...measure,
      stateCpuMs: processCpuMs(state.pid),
      statePeakRssMb: processPeakRssMb(state.pid),
      dropped: null,
    }
  } finally {
    await state.stop()
  }
}
