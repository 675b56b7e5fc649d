import { checkJobRecord } from '../checkpoint/job-record.ts'
import type { Savepoint } from '../checkpoint/savepoint.ts'
import { MetricRegistry } from '../metrics/metric-registry.ts'
import type { JobDefinition } from '../plan/job-definition.ts'
import type { TaskEnvironment } from '../runtime/task-environment.ts'
import type { JobSettings } from './job-settings.ts'
import { prepareJob, taskEnvironment } from './prepare-job.ts'
import type { SavepointChanges } from './savepoint-changes.ts'
import { restoreSavepoint } from './savepoint-restore.ts'
import { readSavepoint } from './savepoint-writer.ts'

/** Reads the savepoint of a stopped job. */
export function takeSavepoint(job: JobDefinition, settings: JobSettings): Promise<Savepoint> {
  return withEnvironment(job, settings, async (environment) => {
    await checkJobRecord(environment.state, environment.graph)
    return readSavepoint(environment)
  })
}

/** Puts a savepoint where a run with these settings will find it. */
export function putSavepoint(
  job: JobDefinition,
  settings: JobSettings,
  savepoint: Savepoint,
  changes: SavepointChanges,
): Promise<void> {
  return withEnvironment(job, settings, (environment) => restoreSavepoint(savepoint, changes, environment))
}

async function withEnvironment<T>(
  job: JobDefinition,
  settings: JobSettings,
  action: (environment: TaskEnvironment) => Promise<T>,
): Promise<T> {
  const prepared = await prepareJob(job.build(), settings)
  try {
    const environment = taskEnvironment(prepared, settings, new MetricRegistry())
    return await action({ ...environment, commitOffsets: async () => {} })
  } finally {
    await prepared.close()
  }
}
