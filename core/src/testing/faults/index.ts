export { faultyLog } from './faulty-log.ts'
export { faultyStateBackend } from './faulty-state-backend.ts'
export { type CrashMoment, WorkerFaults, type WorkerFaultsOptions } from './worker-faults.ts'
