import { pack, unpack } from 'msgpackr'
import { StateIncompatibleError, StreamError } from '../errors.ts'
import type { JobGraph, JobNode } from '../plan/job-graph.ts'
import type { StateBackend, TaskStore } from '../state/backend.ts'

/*
 * What a job keeps state in, written beside the state of its tasks when they start. Tasks are addressed by region and
 * index: a version of the job that has other regions would not look at what is stored, and begin anew without a word.
 */

const VERSION = 1
const ATTEMPTS = 10

interface StatefulRegion {
  readonly id: string
  readonly parallelism: number
  /** Uids of what keeps state in it, positions of split sources included. */
  readonly operators: readonly string[]
}

/** No region has this name: uids begin with a letter or digit. */
const region = '-job'

/**
 * Checks that this version of the job finds all state that is stored, without changing anything.
 *
 * @throws STATE_INCOMPATIBLE naming every region that it would not find
 */
export async function checkJobRecord(state: StateBackend, graph: JobGraph): Promise<void> {
  await withRecord(state, graph, async () => {})
}

/** As `checkJobRecord`; then writes down what this version of the job keeps state in. */
export async function updateJobRecord(state: StateBackend, graph: JobGraph): Promise<void> {
  const wanted = statefulRegions(graph)
  for (let attempt = 1; ; attempt++) {
    try {
      await withRecord(state, graph, async (store, epoch, stored) => {
        if (wanted.length === 0 || JSON.stringify(stored) === JSON.stringify(wanted)) return
        const meta = pack({ v: VERSION, regions: wanted })
        await store.stage({ epoch: epoch + 1, meta, changes: [] })
        await store.apply(epoch + 1)
      })
      return
    } catch (error) {
      // Another worker of the job does the same at this moment; next time its record is there.
      if (attempt === ATTEMPTS || !StreamError.is(error) || error.code !== 'FENCED') throw error
    }
  }
}

async function withRecord(
  state: StateBackend,
  graph: JobGraph,
  action: (store: TaskStore, epoch: number, stored: readonly StatefulRegion[]) => Promise<void>,
): Promise<void> {
  const store = state.task({ job: graph.job, region, index: 0 })
  try {
    const { applied } = await store.acquire()
    const stored = applied === null ? [] : decode(applied.meta)
    check(graph, stored)
    await action(store, applied?.epoch ?? 0, stored)
  } finally {
    await store.close()
  }
}

function statefulRegions(graph: JobGraph): StatefulRegion[] {
  return graph.regions
    .filter(({ stateful }) => stateful)
    .map(({ id, parallelism, nodes }) => ({
      id,
      parallelism,
      operators: nodes.flatMap(({ uid, node }) => (keepsState(node) ? [uid] : [])),
    }))
}

function keepsState(node: JobNode['node']): boolean {
  if (node.kind === 'operator') return node.stateful
  return node.kind === 'source' && node.source.kind === 'splits'
}

function check(graph: JobGraph, stored: readonly StatefulRegion[]): void {
  const now = statefulRegions(graph)
  const differences: string[] = []
  for (const { id, parallelism, operators } of stored) {
    // What differs within a region is found by its tasks.
    if (now.some((other) => other.id === id && other.parallelism === parallelism)) continue
    for (const uid of operators) {
      const found = now.find((other) => other.operators.includes(uid))
      if (found === undefined) differences.push(`operator ${uid} keeps state, but the job has no such operator`)
      else if (found.parallelism !== parallelism) {
        differences.push(
          `operator ${uid} ran with parallelism ${parallelism} and now has ${found.parallelism}; take a savepoint to change it`,
        )
      } else differences.push(`operator ${uid} kept its state in region ${id} and now runs in region ${found.id}`)
    }
  }
  if (differences.length === 0) return
  throw new StateIncompatibleError(
    `The stored state does not fit this version of the job:\n  - ${differences.join('\n  - ')}\n` +
      'Keep the uids and the parallelism of the former version, or clear the state of the job.',
    differences,
    { where: { job: graph.job } },
  )
}

function decode(bytes: Uint8Array): readonly StatefulRegion[] {
  const record = unpack(bytes) as { readonly v?: unknown; readonly regions: readonly StatefulRegion[] } | null
  if (record?.v === VERSION) return record.regions
  throw new StreamError(
    'STATE_CORRUPT',
    `The record of what the job keeps has version ${String(record?.v)}; this version of Millrace reads ${VERSION}. Run the version that wrote it, or clear the state.`,
  )
}
