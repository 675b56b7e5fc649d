export { Random } from '../structure/random.ts'
export { VirtualClock, type VirtualClockOptions } from '../time/virtual-clock.ts'
export {
  type CrashMoment,
  faultyLog,
  faultyStateBackend,
  WorkerFaults,
  type WorkerFaultsOptions,
} from './faults/index.ts'
export { type HarnessOptions, HarnessTopic, type SendOptions, TestHarness, testHarness } from './harness.ts'
export { SimulatedCluster, type SimulatedWorker, type SimulationOptions } from './simulation/simulated-cluster.ts'
export { WorkerClock } from './simulation/worker-clock.ts'
