import type { SystemMeasure } from '../nexmark/system.ts'
import { openPackages } from './flink.ts'
import { JavaPeer, type JavaRun } from './java-process.ts'

/** Apache Flink's CEP library in a job of its DataStream API; cluster, state and settings as for its SQL. */
export class FlinkCep {
  readonly #peer = new JavaPeer('flink', 'bench.flink.RunPattern')
  readonly name = 'flink'
  readonly title = `Flink CEP ${this.#peer.version('flink.version')}`

  prepare(): Promise<void> {
    return this.#peer.build()
  }

  run(run: JavaRun): Promise<SystemMeasure> {
    const memory = ['-Xms1g', '-Xmx4g', '-XX:MaxDirectMemorySize=1g']
    return this.#peer.run(run, [...memory, ...openPackages], { backend: 'hashmap' })
  }
}
