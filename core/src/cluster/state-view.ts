import { OptionError, StateIncompatibleError } from '../errors.ts'
import type { ReadonlyHandles } from '../operator/process-function.ts'
import type { JobGraph, Region } from '../plan/job-graph.ts'
import { catalogOf } from '../runtime/catalog.ts'
import { keyBytes, keyFormat } from '../serde/key-codec.ts'
import type { StateBackend, StateEntry } from '../state/backend.ts'
import { keyGroupOf, taskOfKeyGroup } from '../state/key-group.ts'
import { createHandles } from '../state/keyed/create-handle.ts'
import type { StateDescriptors, StateHandles } from '../state/keyed/descriptor.ts'
import { KeySlot } from '../state/keyed/key-table.ts'
import { declareCells } from '../state/keyed/keyed-states.ts'
import { StateTime } from '../state/keyed/ttl.ts'
import { type Clock, systemClock } from '../time/clock.ts'

/** The state of a key as one commit left it. */
export interface CommittedState<Descriptors extends StateDescriptors> {
  /** The number of that commit, of the task that owns the key. */
  readonly epoch: number
  readonly state: ReadonlyHandles<Descriptors>
}

/** What a view reads from. */
export interface StateAccess {
  readonly graph: JobGraph
  readonly backend: StateBackend
  readonly clock: Clock
  /** The state of a key in a task that runs on this thread; undefined where there is none. */
  local(task: { readonly region: string; readonly index: number }, uid: string, key: unknown): object | undefined
}

/** Reads the keyed state of one operator of a running job. */
export class StateView<Descriptors extends StateDescriptors> {
  readonly #access: StateAccess
  readonly #uid: string
  readonly #descriptors: Descriptors
  readonly #region: Region

  /** @throws OPTION_INVALID for an operator or a state that the job does not have, STATE_INCOMPATIBLE for one of another form */
  constructor(access: StateAccess, uid: string, descriptors: Descriptors) {
    this.#access = access
    this.#uid = uid
    this.#descriptors = descriptors
    this.#region = regionOf(access.graph, uid)
    checkDeclared(access.graph, uid, descriptors)
  }

  /**
   * The state of a key as of the last commit, whichever process owns the key; null when its task has committed nothing.
   * A key that was never seen has empty state.
   */
  async get(key: unknown): Promise<CommittedState<Descriptors> | null> {
    const [found] = await this.getMany([key])
    return found ?? null
  }

  /** As `get` for several keys, by position. Those of one task are of one commit. */
  async getMany(keys: readonly unknown[]): Promise<(CommittedState<Descriptors> | null)[]> {
    const places = keys.map((key) => this.#placeOf(key))
    const found: (CommittedState<Descriptors> | null)[] = keys.map(() => null)
    const positions = keys.map((_, at) => at)
    const byTask = Map.groupBy(positions, (at) => (places[at] as Place).index)
    await Promise.all(
      [...byTask].map(async ([index, own]) => {
        const read = await this.#read(
          index,
          own.map((at) => places[at] as Place),
        )
        own.forEach((at, n) => {
          if (read !== null) found[at] = this.#stateOf(keys[at], read.epoch, read.entries[n] as StateEntry[][])
        })
      }),
    )
    return found
  }

  /**
   * The state of a key as it is at this moment, with changes that are not committed yet; undefined when the key has none, or
   * belongs to a task that does not run on this thread.
   */
  local(key: unknown): ReadonlyHandles<Descriptors> | undefined {
    const { index } = this.#placeOf(key)
    const handles = this.#access.local({ region: this.#region.id, index }, this.#uid, key)
    return handles as ReadonlyHandles<Descriptors> | undefined
  }

  #placeOf(key: unknown): Place {
    const bytes = keyBytes(key)
    const { maxParallelism } = this.#access.graph
    const keyGroup = keyGroupOf(bytes, 0, bytes.length, maxParallelism)
    return { keyGroup, key: bytes, index: taskOfKeyGroup(keyGroup, maxParallelism, this.#region.parallelism) }
  }

  /** The entries of each state, for each place; all of one epoch. */
  async #read(
    index: number,
    places: readonly Place[],
  ): Promise<{ readonly epoch: number; readonly entries: StateEntry[][][] } | null> {
    const { backend, graph } = this.#access
    const address = { job: graph.job, region: this.#region.id, index }
    for (;;) {
      const states = await Promise.all(
        Object.keys(this.#descriptors).map((name) => backend.read(address, `${this.#uid}/${name}`, places)),
      )
      const [first] = states
      if (first === undefined || first === null) return null
      // A commit came between two of them.
      if (states.some((state) => state?.epoch !== first.epoch)) continue
      const entries = places.map((_, n) => states.map((state) => [...(state?.entries[n] ?? [])]))
      return { epoch: first.epoch, entries }
    }
  }

  #stateOf(key: unknown, epoch: number, entries: readonly (readonly StateEntry[])[]): CommittedState<Descriptors> {
    const time = new StateTime(this.#access.clock)
    const cells = declareCells(this.#descriptors, time).map(({ create }) => create())
    entries.forEach((ofState, at) => {
      for (const { sub, value } of ofState) cells[at]?.restore(sub, value)
    })
    // A copy of its own: nobody hears of what is done to it.
    const owner = { current: new KeySlot(key, cells), table: { markDirty() {} } }
    const state: StateHandles<Descriptors> = createHandles(this.#descriptors, owner, time)
    return { epoch, state }
  }
}

interface Place {
  readonly keyGroup: number
  readonly key: Uint8Array
  readonly index: number
}

function regionOf(graph: JobGraph, uid: string): Region {
  const found = graph.regions.find(({ nodes }) => nodes.some((node) => node.uid === uid))
  if (found !== undefined) return found
  const known = graph.regions.flatMap(({ nodes }) => nodes.map((node) => node.uid))
  throw new OptionError(`The job has no operator '${uid}'; its operators are ${known.join(', ')}.`, {
    where: { job: graph.job },
  })
}

function checkDeclared(graph: JobGraph, uid: string, descriptors: StateDescriptors): void {
  const own = catalogOf(graph).filter(({ state }) => state.slice(0, state.lastIndexOf('/')) === uid)
  const where = { job: graph.job, operator: uid }
  for (const { name, kind, format } of declareCells(descriptors, new StateTime(systemClock))) {
    const declared = own.find(({ state }) => state === `${uid}/${name}`)
    if (declared === undefined) {
      const names = own.map(({ state }) => state.slice(uid.length + 1)).filter((known) => !known.startsWith('$'))
      throw new OptionError(`Operator '${uid}' has no state '${name}'; it has ${names.join(', ') || 'none'}.`, {
        where,
      })
    }
    const wanted = `${keyFormat}+${format}`
    if (declared.kind === kind && declared.format === wanted) continue
    const difference = `state ${uid}/${name} is a ${declared.kind} state stored as ${declared.format}, and is read as a ${kind} state stored as ${wanted}`
    throw new StateIncompatibleError(`The state cannot be read: ${difference}.`, [difference], { where })
  }
}
