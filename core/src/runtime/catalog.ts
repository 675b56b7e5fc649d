import { silentLogger } from '../metrics/logger.ts'
import { MetricRegistry } from '../metrics/metric-registry.ts'
import type { StateCatalogEntry } from '../operator/operator.ts'
import type { JobGraph } from '../plan/job-graph.ts'
import { StateChanges } from '../state/state-changes.ts'
import { systemClock } from '../time/clock.ts'
import { Chain, discard } from './chain.ts'

/** The keyed states that the operators of a job declare. */
export function catalogOf(graph: JobGraph): StateCatalogEntry[] {
  return graph.regions.flatMap(
    (region) =>
      Chain.build(region, {
        job: graph.job,
        index: 0,
        attempt: 0,
        maxParallelism: graph.maxParallelism,
        clock: systemClock,
        metrics: new MetricRegistry(),
        logger: silentLogger,
        delta: { changes: new StateChanges(), setOperatorState() {} },
        stateReader: null,
        memory: { budgetBytes: 1, directory: '' },
        schedule: () => () => {},
        post() {},
        sink: () => discard,
        exchange: () => discard,
      }).catalog,
  )
}
