import { checkStateFits } from '../checkpoint/compatibility.ts'
import type { OperatorState } from '../operator/operator-state.ts'
import type { Region } from '../plan/job-graph.ts'
import type { Chain } from './chain.ts'
import type { TaskEnvironment } from './task-environment.ts'
import { describeTask, type TakenOver } from './task-take-over.ts'

/** Gives the operators of a task what is stored of them. @throws STATE_INCOMPATIBLE naming every state that does not fit */
export async function restoreChain(
  chain: Chain,
  { meta, store }: TakenOver,
  region: Region,
  index: number,
  { graph }: TaskEnvironment,
): Promise<void> {
  if (meta === null || store === null) return
  const { job, task } = describeTask(region, index, graph.job)
  const { maxParallelism } = graph
  checkStateFits(meta, { parallelism: region.parallelism, maxParallelism, catalog: chain.catalog }, { job, task })
  for await (const entries of store.load((state) => chain.restoresAtStart(state))) {
    for (const entry of entries) chain.restore(entry)
  }
  for (const [uid, operator] of chain.operators) {
    const state = meta.operators[uid]
    if (state !== undefined) operator.restoreOperatorState(state as OperatorState)
  }
  chain.restoreRounds(meta.operators)
  chain.restoreSignals(meta.operators)
}
