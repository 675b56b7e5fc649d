import type { JobHandle } from '@millrace/core'
import type { QueryMeasure } from './query-process.ts'

/**
 * Measures a job that fills its process. Made before the job is started: its threads tell on the channel when they read their
 * first record, in ms of the machine's clock.
 */
export class JobMeasure {
  #firstReadAt = Number.POSITIVE_INFINITY

  constructor(firstRecord: string) {
    const announced = new BroadcastChannel(firstRecord)
    announced.unref()
    announced.onmessage = ({ data }: { readonly data: unknown }): void => {
      this.#firstReadAt = Math.min(this.#firstReadAt, data as number)
    }
  }

  /** Resolves when the job has ended. */
  async of(handle: JobHandle): Promise<QueryMeasure> {
    let commits = 0
    let commitP50Ms = 0
    let commitP99Ms = 0
    const watch = setInterval(() => {
      const tasks = handle.status().workers.flatMap((worker) => worker.tasks)
      // A job that has ended has no tasks.
      if (tasks.length === 0) return
      commits = Math.min(...tasks.map(({ epochs }) => epochs))
      commitP50Ms = Math.max(...tasks.map(({ epochDurationMs }) => epochDurationMs.p50))
      commitP99Ms = Math.max(...tasks.map(({ epochDurationMs }) => epochDurationMs.p99))
    }, 100)
    await handle.done
    const endedAtMs = Date.now()
    clearInterval(watch)
    const { user, system } = process.cpuUsage()
    return {
      steadyMs: endedAtMs - this.#firstReadAt,
      endedAtMs,
      cpuMs: (user + system) / 1000,
      peakRssMb: process.resourceUsage().maxRSS / 1024,
      commits,
      commitP50Ms,
      commitP99Ms,
    }
  }
}
