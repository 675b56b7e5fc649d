import { formatDifference } from '../checkpoint/format-change.ts'
import { uidOf } from '../checkpoint/path.ts'
import type { Savepoint } from '../checkpoint/savepoint.ts'
import { OptionError, StateIncompatibleError } from '../errors.ts'
import type { JobGraph } from '../plan/job-graph.ts'
import { catalogOf } from '../runtime/catalog.ts'

/**
 * How a job differs from the one that a savepoint was taken of. Nothing is dropped or begun anew without being named here:
 * operators, sinks and split sources by their uid, single states as `uid/state`, topics as `topic:name`.
 */
export interface SavepointChanges {
  /** New uids by the former ones. */
  readonly rename?: Readonly<Record<string, string>>
  /** What the job does not have any more. */
  readonly drop?: readonly string[]
  /** What keeps state, or is read, in this job for the first time. */
  readonly add?: readonly string[]
}

/**
 * The savepoint as the job sees it.
 *
 * @throws STATE_INCOMPATIBLE naming every difference that was not asked for, OPTION_INVALID for changes that change nothing
 */
export function changed(savepoint: Savepoint, changes: SavepointChanges, graph: JobGraph): Savepoint {
  const { rename = {}, drop = [], add = [] } = changes
  checkNames(savepoint, changes, graph)
  const result = dropped(renamed(savepoint, rename), drop)
  const differences = [...missing(result, graph), ...otherForms(result, graph), ...unannounced(result, add, graph)]
  if (savepoint.maxParallelism !== graph.maxParallelism) {
    differences.push(`maxParallelism was ${savepoint.maxParallelism} and is now ${graph.maxParallelism}`)
  }
  if (differences.length === 0) return result
  throw new StateIncompatibleError(
    `The savepoint does not fit the job:\n  - ${differences.join('\n  - ')}\n` +
      'Keep the uids and states of the job that it was taken of, or say what has changed with rename, drop and add.',
    differences,
    { where: { job: graph.job } },
  )
}

function checkNames(
  savepoint: Savepoint,
  { rename = {}, drop = [], add = [] }: SavepointChanges,
  graph: JobGraph,
): void {
  const held = [...heldUids(savepoint), ...savepoint.catalog.map(({ state }) => state), ...topicsOf(savepoint)]
  const known = new Set(held.flatMap((name) => [name, rename[name] ?? name]))
  for (const name of [...Object.keys(rename), ...drop]) {
    if (known.has(name)) continue
    throw new OptionError(`The savepoint holds no '${name}'; it holds ${[...new Set(held)].join(', ')}.`, {
      where: { job: graph.job },
    })
  }
  const own = [...uidsOf(graph), ...jobTopics(graph)]
  for (const name of add) {
    if (own.includes(name)) continue
    throw new OptionError(`The job has no '${name}' to add; it has ${own.join(', ')}.`, { where: { job: graph.job } })
  }
}

function renamed(savepoint: Savepoint, rename: Readonly<Record<string, string>>): Savepoint {
  const uid = (name: string): string => rename[name] ?? name
  const path = (name: string): string => `${uid(uidOf(name))}/${name.slice(name.lastIndexOf('/') + 1)}`
  return {
    ...savepoint,
    splits: mapKeys(savepoint.splits, path),
    catalog: savepoint.catalog.map((entry) => ({ ...entry, state: path(entry.state) })),
    entries: savepoint.entries.map((entry) => ({ ...entry, state: path(entry.state) })),
    operators: mapKeys(savepoint.operators, uid),
    inFlight: savepoint.inFlight.map((records) => ({ ...records, uid: uid(records.uid) })),
    committables: savepoint.committables.map((own) => ({ ...own, uid: uid(own.uid) })),
  }
}

function dropped(savepoint: Savepoint, drop: readonly string[]): Savepoint {
  const names = new Set(drop)
  const isKept = (state: string): boolean => !names.has(state) && !names.has(uidOf(state))
  return {
    ...savepoint,
    partitions: savepoint.partitions.filter(({ topic }) => !names.has(`topic:${topic}`)),
    splits: filterKeys(savepoint.splits, isKept),
    catalog: savepoint.catalog.filter(({ state }) => isKept(state)),
    entries: savepoint.entries.filter(({ state }) => isKept(state)),
    operators: filterKeys(savepoint.operators, (uid) => !names.has(uid)),
    inFlight: savepoint.inFlight.filter(({ uid }) => !names.has(uid)),
    committables: savepoint.committables.filter(({ uid }) => !names.has(uid)),
  }
}

/** What the savepoint holds and the job does not have. */
function missing(savepoint: Savepoint, graph: JobGraph): string[] {
  const uids = new Set(uidsOf(graph))
  const declared = new Set(catalogOf(graph).map(({ state }) => state))
  const topics = new Set(jobTopics(graph))
  const differences: string[] = []
  for (const { state } of savepoint.catalog) {
    const uid = uidOf(state)
    if (!uids.has(uid)) differences.push(`state ${state} is in the savepoint, but the job has no operator ${uid}`)
    else if (!declared.has(state))
      differences.push(`state ${state} is in the savepoint, but ${uid} does not declare it`)
  }
  const committing = committingSinks(graph)
  const unpublished = new Set(savepoint.committables.map(({ uid }) => uid))
  for (const uid of unpublished) {
    if (!committing.has(uid)) {
      differences.push(`the savepoint has what sink ${uid} is to publish, and the job has no two-phase sink ${uid}`)
    }
  }
  const named = new Set([...unpublished, ...savepoint.catalog.map(({ state }) => uidOf(state))])
  for (const uid of heldUids(savepoint)) {
    if (!uids.has(uid) && !named.has(uid)) differences.push(`the savepoint has ${uid}, and the job does not`)
  }
  for (const topic of topicsOf(savepoint)) {
    if (!topics.has(topic)) differences.push(`${topic} was read, and the job does not read it`)
  }
  return differences
}

function otherForms(savepoint: Savepoint, graph: JobGraph): string[] {
  const declared = new Map(catalogOf(graph).map((entry) => [entry.state, entry]))
  return savepoint.catalog.flatMap(({ state, kind, format }) => {
    const now = declared.get(state)
    if (now === undefined) return []
    if (now.kind !== kind) return [`state ${state} was a ${kind} state and is now a ${now.kind} state`]
    const difference = formatDifference(format, now.format)
    return difference === null ? [] : [`state ${state} ${difference}`]
  })
}

/** What the job has and the savepoint knows nothing of. */
function unannounced(savepoint: Savepoint, add: readonly string[], graph: JobGraph): string[] {
  const held = new Set([...heldUids(savepoint), ...topicsOf(savepoint), ...add])
  const nodes = graph.regions.flatMap((region) => region.nodes)
  return nodes.flatMap(({ uid, node }) => {
    if (node.kind === 'operator' && node.stateful && !held.has(uid)) {
      return [`operator ${uid} keeps state, and the savepoint has none of it`]
    }
    if (node.kind !== 'source') return []
    const name = node.source.kind === 'topic' ? `topic:${node.source.topic}` : uid
    return held.has(name) ? [] : [`${name} is read, and the savepoint has no position in it`]
  })
}

/** Uids of the sinks that publish. */
function committingSinks({ regions }: JobGraph): Set<string> {
  const nodes = regions.flatMap((region) => region.nodes)
  return new Set(
    nodes.flatMap(({ uid, node }) =>
      node.kind === 'sink' && node.sink.kind === 'custom' && node.sink.sink.guarantee === 'two-phase' ? [uid] : [],
    ),
  )
}

function heldUids({ catalog, operators, splits, inFlight, committables }: Savepoint): Set<string> {
  return new Set([
    ...catalog.map(({ state }) => uidOf(state)),
    ...Object.keys(operators),
    ...Object.keys(splits).map(uidOf),
    ...inFlight.map(({ uid }) => uid),
    ...committables.map(({ uid }) => uid),
  ])
}

function topicsOf({ partitions }: Savepoint): string[] {
  return [...new Set(partitions.map(({ topic }) => `topic:${topic}`))]
}

function uidsOf({ regions }: JobGraph): string[] {
  return regions.flatMap(({ nodes }) => nodes.map(({ uid }) => uid))
}

function jobTopics({ regions }: JobGraph): string[] {
  return regions.flatMap(({ nodes }) =>
    nodes.flatMap(({ node }) =>
      node.kind === 'source' && node.source.kind === 'topic' ? [`topic:${node.source.topic}`] : [],
    ),
  )
}

function mapKeys<V>(record: Readonly<Record<string, V>>, rename: (key: string) => string): Record<string, V> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [rename(key), value]))
}

function filterKeys<V>(record: Readonly<Record<string, V>>, keep: (key: string) => boolean): Record<string, V> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => keep(key)))
}
