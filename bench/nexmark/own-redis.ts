import { RedisServer } from '@millrace/testcontainers'
import { processCpuMs, processPeakRssMb } from './process-times.ts'

/** What a Redis took that keeps the state of one run. */
export interface StateMeasure {
  /** Null where it cannot be told. */
  readonly stateCpuMs: number | null
  readonly statePeakRssMb: number | null
}

/** Measures a run with its state in a Redis of its own, as the other systems have folders of their own. */
export async function withOwnRedis<T>(run: (redisUrl: string) => Promise<T>): Promise<T & StateMeasure> {
  await using state = await RedisServer.start()
  const measure = await run(state.url)
  return { ...measure, stateCpuMs: processCpuMs(state.pid), statePeakRssMb: processPeakRssMb(state.pid) }
}
