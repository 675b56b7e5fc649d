import type { JobDefinition } from '../plan/job-definition.ts'
import type { StateDescriptors } from '../state/keyed/descriptor.ts'
import type { JobSettings } from './job-settings.ts'
import { type PreparedJob, prepareJob } from './prepare-job.ts'
import { StateView } from './state-view.ts'

/** The state of a job that runs elsewhere, read through its backend. */
export class JobState {
  readonly #prepared: PreparedJob
  readonly #settings: JobSettings

  private constructor(prepared: PreparedJob, settings: JobSettings) {
    this.#prepared = prepared
    this.#settings = settings
  }

  /** @internal */
  static async open(job: JobDefinition, settings: JobSettings): Promise<JobState> {
    return new JobState(await prepareJob(job.build(), settings), settings)
  }

  /** Reads the keyed state of an operator, by its uid. @throws OPTION_INVALID for an operator or state that there is not */
  of<Descriptors extends StateDescriptors>(uid: string, descriptors: Descriptors): StateView<Descriptors> {
    const { graph, state: backend } = this.#prepared
    return new StateView({ graph, backend, clock: this.#settings.clock, local: () => undefined }, uid, descriptors)
  }

  close(): Promise<void> {
    return this.#prepared.close()
  }
}
