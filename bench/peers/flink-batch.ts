import type { BatchRun, BatchSize } from '../batch/cases.ts'
import { openPackages } from './flink.ts'
import { JavaPeer } from './java-process.ts'

/** Apache Flink's SQL in batch mode, on a cluster in one process, with as much managed memory as the other system's budget. */
export class FlinkBatch {
  readonly #peer = new JavaPeer('flink', 'bench.flink.RunBatch')
  readonly name = 'flink'
  readonly title = `Flink ${this.#peer.version('flink.version')} (SQL, batch mode)`

  prepare(): Promise<void> {
    return this.#peer.build()
  }

  /** The heap is what Flink gives a task manager by default; managed memory lies outside it. */
  run(name: string, { scale, budgetBytes, textFile }: BatchSize): Promise<BatchRun> {
    const options = { case: name, scale, budgetMb: Math.round(budgetBytes / 1024 / 1024), textFile }
    return this.#peer.measure<BatchRun>(options, ['-Xmx512m', ...openPackages])
  }
}
