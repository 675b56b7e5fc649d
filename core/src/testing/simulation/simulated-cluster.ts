import type { Job } from '../../api/job.ts'
import type { JobHandle } from '../../api/job-handle.ts'
import type { RunOptions } from '../../api/run-options.ts'
import { type MemoryLogProvider, memoryLog } from '../../log/memory/index.ts'
import { silentLogger } from '../../metrics/logger.ts'
import { type MemoryStateProvider, memoryState } from '../../state/memory/index.ts'
import { Random } from '../../structure/random.ts'
import { VirtualClock } from '../../time/virtual-clock.ts'
import { WorkerClock } from './worker-clock.ts'

export interface SimulationOptions {
  /** Decides latencies, and thereby the order of everything. */
  readonly seed: number
  /** The longest way of a message between a worker and a server, in milliseconds. @default 5 */
  readonly maxLatencyMs?: number
  /** Of every run; log, state and clock are the simulation's. */
  readonly run?: Omit<RunOptions, 'log' | 'state' | 'clock' | 'slots'>
}

/** A worker process of the simulation. */
export interface SimulatedWorker {
  readonly name: string
  readonly clock: WorkerClock
  readonly handle: JobHandle
}

const START_MS = Date.UTC(2026, 0, 1)

/**
 * Several workers of one job, a log and a state backend, all in this process and in virtual time: the same seed gives the
 * same run. Workers crash, freeze and join when a test says so.
 *
 * @example
 * const cluster = new SimulatedCluster(job, { seed: 7 })
 * cluster.log.storage.createTopic('in', 2)
 * cluster.startWorker('a')
 * await cluster.runUntil(() => cluster.isFinished, 60_000)
 */
export class SimulatedCluster {
  readonly clock: VirtualClock = new VirtualClock({ startMs: START_MS })
  readonly log: MemoryLogProvider
  readonly state: MemoryStateProvider
  readonly random: Random
  readonly workers: SimulatedWorker[] = []
  readonly #job: Job
  readonly #run: SimulationOptions['run']
  #finished = false
  #failure: unknown = null

  constructor(job: Job, options: SimulationOptions) {
    this.#job = job
    this.#run = options.run
    this.random = new Random(options.seed)
    const latency = this.random.fork()
    const latencyMs = (): number => latency.between(0, options.maxLatencyMs ?? 5)
    this.log = memoryLog({ clock: this.clock, latencyMs })
    this.state = memoryState({ latencyMs, chunk: 2 })
  }

  /** True when a worker has seen the job to its end. */
  get isFinished(): boolean {
    return this.#finished
  }

  startWorker(name: string, options: { readonly onCrash?: () => void } = {}): SimulatedWorker {
    const clock = new WorkerClock(this.clock, options.onCrash)
    const handle = this.#job.start({
      epochInterval: 20,
      sessionTimeout: 300,
      heartbeatInterval: 50,
      rebalanceTimeout: 400,
      logger: silentLogger,
      ...this.#run,
      log: this.log,
      state: this.state,
      clock,
    })
    const worker = { name, clock, handle }
    this.workers.push(worker)
    handle.done.then(
      ({ outcome }) => {
        if (outcome === 'finished') this.#finished = true
      },
      (error: unknown) => {
        this.#failure ??= error
      },
    )
    return worker
  }

  /** Moves time on until the condition holds. Throws what failed a worker, or when `withinMs` have passed in vain. */
  async runUntil(condition: () => boolean, withinMs: number): Promise<void> {
    const endMs = this.clock.now() + withinMs
    while (!condition()) {
      if (this.#failure !== null) throw this.#failure
      const nextMs = this.clock.nextTimerMs
      if (nextMs === undefined || nextMs > endMs) {
        await this.clock.runUntilIdle()
        if (condition()) return
        const workers = this.workers.map(
          ({ name, clock, handle }) => `${name} (${clock.state}): ${JSON.stringify(handle.status())}`,
        )
        throw new Error(`Waited ${withinMs} ms of simulated time in vain.\n${workers.join('\n')}`)
      }
      await this.clock.advanceTo(nextMs)
    }
    if (this.#failure !== null) throw this.#failure
  }
}
