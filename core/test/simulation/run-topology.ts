import { SimulatedCluster } from '../../src/testing/simulation/simulated-cluster.ts'
import { committedOutput, type Topology } from './topologies.ts'

export function simulate(topology: Topology, seed: number): SimulatedCluster {
  const simulated = new SimulatedCluster(topology.job, {
    seed,
    run: { parallelism: topology.parallelism, allowVolatileState: true, ...topology.run },
  })
  topology.prepare(simulated.log.storage)
  return simulated
}

/** The output of a run that nothing disturbs, the steps that its worker takes and the time it needs. */
export async function undisturbed(
  topology: Topology,
  seed: number,
): Promise<{ readonly output: string[]; readonly steps: number; readonly durationMs: number }> {
  const simulated = simulate(topology, seed)
  const startMs = simulated.clock.now()
  const worker = simulated.startWorker('only')
  await simulated.runUntil(() => simulated.isFinished, 60_000)
  return {
    output: committedOutput(simulated.log.storage, topology.outputs),
    steps: worker.clock.steps,
    durationMs: simulated.clock.now() - startMs,
  }
}
