import type { PartitionPosition } from '../checkpoint/format.ts'
import type { Savepoint } from '../checkpoint/savepoint.ts'
import { StreamError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { StateCatalogEntry } from '../operator/operator.ts'
import { FRAME_RECORD } from '../runtime/exchange-frame.ts'
import type { TaskEnvironment } from '../runtime/task-environment.ts'
import { takeOver } from '../runtime/task-take-over.ts'
import type { StateEntry } from '../state/backend.ts'

/**
 * Reads what a stopped job has committed, over all its tasks. It takes every task over, so a worker that is still running
 * is fenced and nothing moves meanwhile.
 *
 * @throws STATE_INCOMPATIBLE when records are still on their way in repartition topics
 */
export async function readSavepoint(environment: TaskEnvironment): Promise<Savepoint> {
  const { graph, log } = environment
  const partitions: PartitionPosition[] = []
  const splits: Record<string, unknown> = {}
  const catalog = new Map<string, StateCatalogEntry>()
  const entries: StateEntry[] = []
  for (const region of graph.regions) {
    const exchanges = new Set(region.exchangesIn.map(({ topic }) => topic))
    for (let index = 0; index < region.parallelism; index++) {
      const taken = await takeOver(region, index, environment, () => {})
      try {
        for (const position of taken.partitions) {
          if (!exchanges.has(position.topic)) partitions.push(position)
          else if (await hasRecords(log, position)) throw notDrained(graph.job, position.topic)
        }
        Object.assign(splits, taken.meta?.splits)
        for (const entry of taken.meta?.catalog ?? []) catalog.set(entry.state, entry)
        if (taken.meta === null || taken.store === null) continue
        for await (const batch of taken.store.load()) entries.push(...batch)
      } finally {
        await taken.writer?.close()
        await taken.store?.close()
      }
    }
  }
  const { job, maxParallelism } = graph
  return { job, maxParallelism, partitions, splits, catalog: [...catalog.values()], entries }
}

/** Whether a repartition topic holds records behind this position; control frames do not count. */
async function hasRecords(log: Log, { topic, partition, offset }: PartitionPosition): Promise<boolean> {
  const [end = 0] = await log.offsets([{ topic, partition }], 'latest')
  if (offset >= end) return false
  let wake = (): void => {}
  const reader = log.createReader({ maxBufferedBytes: 1 << 20, onAvailable: () => wake() })
  try {
    reader.add([{ topic, partition, offset }])
    for (let next = offset; next < end; ) {
      const available = new Promise<void>((resolve) => {
        wake = resolve
      })
      const batch = reader.take()
      if (batch === undefined) {
        await available
        continue
      }
      for (let at = 0; at < batch.count; at++) {
        if (batch.buffer[batch.valueStarts[at] as number] === FRAME_RECORD) return true
      }
      next = batch.nextOffset
    }
    return false
  } finally {
    await reader.close()
  }
}

function notDrained(job: string, topic: string): StreamError {
  return new StreamError(
    'STATE_INCOMPATIBLE',
    `Records are still on their way in ${topic}: a savepoint would lose them. Let the job run without new input until its lag is 0, stop it, and try again.`,
    { where: { job, topic } },
  )
}
