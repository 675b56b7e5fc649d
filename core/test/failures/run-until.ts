import type { Job, JobHandle, RunOptions } from '../../src/index.ts'
import { memoryLog, memoryState, silentLogger } from '../../src/index.ts'
import { VirtualClock } from '../../src/time/virtual-clock.ts'

/** A log, a state backend and a clock that outlive the runs of a job. */
export interface Servers {
  readonly clock: VirtualClock
  readonly log: ReturnType<typeof memoryLog>
  readonly state: ReturnType<typeof memoryState>
}

export function servers(topics: Readonly<Record<string, number>>): Servers {
  const clock = new VirtualClock()
  const log = memoryLog({ clock })
  for (const [topic, partitions] of Object.entries(topics)) log.storage.createTopic(topic, partitions)
  return { clock, log, state: memoryState() }
}

export function send(on: Servers, topic: string, values: readonly unknown[], partition = 0): void {
  on.log.storage.write(
    topic,
    partition,
    values.map((value) => ({ value: Buffer.from(JSON.stringify(value)), timestamp: on.clock.now() })),
  )
}

export function values(on: Servers, topic: string): unknown[] {
  return on.log.storage.read(topic).map(({ value }) => JSON.parse(String(value)))
}

export function begin(on: Servers, job: Job, options: RunOptions = {}): JobHandle {
  return job.start({ logger: silentLogger, epochInterval: 10, ...options, ...on })
}

/** Runs the job for a while and stops it. Rejects with what failed it. */
export async function runFor(on: Servers, job: Job, options: RunOptions = {}, ms = 200): Promise<void> {
  const handle = begin(on, job, options)
  await on.clock.advanceBy(ms)
  const stopped = handle.stop()
  stopped.catch(() => {})
  await on.clock.advanceBy(ms)
  await stopped
}

/** The error that a run ends with. */
export async function failureOf(on: Servers, job: Job, options: RunOptions = {}): Promise<unknown> {
  return runFor(on, job, options).then(
    () => {
      throw new Error('The job did not fail.')
    },
    (error: unknown) => error,
  )
}
