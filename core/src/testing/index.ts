export { Random } from '../structure/random.ts'
export { VirtualClock, type VirtualClockOptions } from '../time/virtual-clock.ts'
export type { ContractCase } from './contract/contract-case.ts'
export { type SinkUnderTest, sinkContract } from './contract/sink-contract.ts'
export { type SourceUnderTest, sourceContract } from './contract/source-contract.ts'
export { type HarnessOptions, HarnessTopic, type SendOptions, TestHarness, testHarness } from './harness.ts'
export {
  HarnessInput,
  type HarnessRecord,
  OneInputHarness,
  OperatorHarness,
  type OperatorHarnessOptions,
  operatorHarness,
  TwoInputHarness,
  twoInputHarness,
} from './operator-harness.ts'
export { SimulatedCluster, type SimulatedWorker, type SimulationOptions } from './simulation/simulated-cluster.ts'
export { WorkerClock } from './simulation/worker-clock.ts'
export type { PendingTimer } from './stored-state.ts'
