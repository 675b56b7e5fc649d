import { readFile, writeFile } from 'node:fs/promises'
import { decodeSavepoint, encodeSavepoint } from '../checkpoint/savepoint.ts'
import { JobRun } from '../cluster/job-run.ts'
import { JobState } from '../cluster/job-state.ts'
import type { SavepointChanges } from '../cluster/savepoint-changes.ts'
import { putSavepoint, takeSavepoint } from '../cluster/savepoints.ts'
import type { JobDefinition } from '../plan/job-definition.ts'
import type { LogicalGraph } from '../plan/logical-graph.ts'
import { validate } from '../plan/validate.ts'
import { buildLogicalGraph } from './build.ts'
import { callerModule, callSite } from './call-site.ts'
import type { Environment } from './environment.ts'
import { type ExplainOptions, type Explanation, explainJob } from './explain.ts'
import { JobHandle, type JobResult } from './job-handle.ts'
import { type RunOptions, toSettings } from './run-options.ts'

/** A stream program with a name. Building it runs nothing; `run` and `start` do. */
export class Job implements JobDefinition {
  readonly '~millrace': 'Job' = 'Job'
  readonly name: string
  readonly #build: (env: Environment) => void
  readonly #module: string | null
  /** Where it was defined, for errors. */
  readonly #place: string = callSite()

  constructor(name: string, build: (env: Environment) => void, module: string | null) {
    this.name = name
    this.#build = build
    this.#module = module
  }

  /** The graph as written. @throws GRAPH_INVALID naming operator and source line */
  build(): LogicalGraph {
    return buildLogicalGraph(this.name, this.#build, this.#place)
  }

  /** How the job would run: operators, chains, exchanges, regions, tasks, the guarantee of every sink. Connects to nothing. */
  explain(options: ExplainOptions = {}): Explanation {
    return explainJob(this.build(), options)
  }

  /**
   * Starts the job and returns its handle at once; failures to start are delivered through `ready` and `done`.
   *
   * @throws OPTION_INVALID, GRAPH_INVALID
   */
  start(options: RunOptions = {}): JobHandle {
    const settings = toSettings(this.name, options)
    // Wrong graphs are the programmer's to see here, not in a rejected promise.
    validate(this.build())
    const run = new JobRun(this, settings, this.#module)
    return new JobHandle(this.name, run, settings.clock, options.stopOnSignals ?? false)
  }

  /**
   * Writes a savepoint of the job to a file: its positions, its whole state and what is on its way between tasks, from where a run
   * with these options has left it. A run that is still going on loses its tasks for a session's time, and goes on then; better
   * ask its handle (`JobHandle.savepoint`).
   *
   * @throws FENCED when a worker took a task back meanwhile, LOOP_RUNNING while a loop of the job goes in rounds
   */
  async writeSavepoint(file: string, options: RunOptions): Promise<void> {
    const savepoint = await takeSavepoint(this, toSettings(this.name, options))
    await writeFile(file, encodeSavepoint(savepoint))
  }

  /**
   * Restores a savepoint for a run with these options, which may have another parallelism. State is found by operator uid;
   * what is another than in the job of the savepoint must be named in `changes`. Nothing of the job may be stored yet.
   *
   * @throws STATE_INCOMPATIBLE, STATE_CORRUPT, OPTION_INVALID
   * @example
   * await job.restoreSavepoint('before.savepoint', options, { rename: { totals: 'sums' }, drop: ['alerts'], add: ['topic:rules'] })
   */
  async restoreSavepoint(file: string, options: RunOptions, changes: SavepointChanges = {}): Promise<void> {
    const savepoint = decodeSavepoint(await readFile(file))
    await putSavepoint(this, toSettings(this.name, options), savepoint, changes)
  }

  /**
   * Reads the state of the job where it does not run: of a run with these options elsewhere, as of its last commits. To be
   * closed after use.
   *
   * @example
   * const state = await balances.openState({ log, state: redis({ url }) })
   * const view = state.of('balances', { balance: valueState<number>() })
   * const found = await view.get('card 1')
   */
  openState(options: RunOptions): Promise<JobState> {
    return JobState.open(this, toSettings(this.name, options))
  }

  /** Runs the job to the end of its input, or until it is stopped by a signal. Rejects with what failed it. */
  run(options: RunOptions = {}): Promise<JobResult> {
    return this.start(options).done
  }
}

/**
 * Defines a job.
 *
 * The function that builds it must be deterministic, since every worker builds the same graph.
 *
 * @example
 * const doubled = job('doubled', (env) => {
 *   env.from([1, 2, 3]).map((n) => n * 2).print()
 * })
 * await doubled.run()
 */
export function job(name: string, build: (env: Environment) => void): Job {
  return new Job(name, build, callerModule())
}
