import { readFile, writeFile } from 'node:fs/promises'
import { OptionError, StateIncompatibleError } from '../errors.ts'
import type { OperatorListDescriptor, OperatorListDescriptors } from '../operator/operator-list.ts'
import { redistribute } from '../operator/operator-state.ts'
import { OperatorStates } from '../operator/operator-states.ts'
import type { Timers } from '../operator/process-function.ts'
import { type TimeDomain, timerCells } from '../operator/timer-service.ts'
import { decodeKey, keyBytes, keyFormat } from '../serde/key-codec.ts'
import { EntryMap } from '../state/entry-map.ts'
import { keyGroupOf } from '../state/key-group.ts'
import { createHandles } from '../state/keyed/create-handle.ts'
import type { StateDescriptors, StateHandles } from '../state/keyed/descriptor.ts'
import { KeySlot } from '../state/keyed/key-table.ts'
import { type CellDeclaration, declareCells } from '../state/keyed/keyed-states.ts'
import type { TimerCell } from '../state/keyed/timer-cell.ts'
import { StateTime } from '../state/keyed/ttl.ts'
import { StateChanges } from '../state/state-changes.ts'
import { asBuffer } from '../structure/buffer.ts'
import { systemClock } from '../time/clock.ts'
import { formatDifference } from './format-change.ts'
import { uidOf } from './path.ts'
import { decodeSavepoint, encodeSavepoint, type Savepoint } from './savepoint.ts'

/** One key of an operator in a savepoint. Changes count when the function that got it returns. */
export interface SavedKey<Descriptors extends StateDescriptors> {
  readonly key: unknown
  readonly state: StateHandles<Descriptors>
  readonly timers: Timers
}

export interface SavedTimer {
  readonly key: unknown
  readonly timeMs: number
  readonly domain: TimeDomain
}

export interface SavedPosition {
  readonly topic: string
  readonly partition: number
  /** To be read next. */
  readonly offset: number
}

export interface NewSavepointOptions {
  /** Of the runs that it will be restored for. @default 128 */
  readonly maxParallelism?: number
}

/**
 * A savepoint to look into, to correct, or to make from data of another system. Operators are named by their uid; states are
 * declared as in the job, some of them or all.
 *
 * @example
 * const savepoint = await SavepointFile.open('before.savepoint')
 * for (const { key, state } of savepoint.keys('totals', { total: valueState<number>() })) console.log(key, state.total.get())
 * savepoint.change('totals', { total: valueState<number>() }, 'card 1', ({ state }) => state.total.set(0))
 * await savepoint.write('after.savepoint')
 */
export class SavepointFile {
  readonly job: string
  readonly maxParallelism: number
  readonly #entries: EntryMap
  readonly #catalog: Map<string, Savepoint['catalog'][number]>
  readonly #operators: Record<string, Savepoint['operators'][string]>
  #partitions: Savepoint['partitions']
  readonly #rest: Pick<Savepoint, 'splits' | 'inFlight' | 'committables'>

  private constructor(savepoint: Savepoint) {
    this.job = savepoint.job
    this.maxParallelism = savepoint.maxParallelism
    this.#entries = new EntryMap(savepoint.entries)
    this.#catalog = new Map(savepoint.catalog.map((entry) => [entry.state, entry]))
    this.#operators = { ...savepoint.operators }
    this.#partitions = savepoint.partitions
    const { splits, inFlight, committables } = savepoint
    this.#rest = { splits, inFlight, committables }
  }

  /** @throws STATE_CORRUPT for what is no savepoint */
  static async open(file: string): Promise<SavepointFile> {
    return new SavepointFile(decodeSavepoint(await readFile(file)))
  }

  /** An empty one. What it holds no position of is read from where the job's source says. */
  static create(job: string, { maxParallelism = 128 }: NewSavepointOptions = {}): SavepointFile {
    const nothing = {
      partitions: [],
      splits: {},
      catalog: [],
      entries: [],
      operators: {},
      inFlight: [],
      committables: [],
    }
    return new SavepointFile({ job, maxParallelism, ...nothing })
  }

  /** The operators that have state. */
  get operators(): readonly string[] {
    return [...new Set([...[...this.#catalog.keys()].map(uidOf), ...Object.keys(this.#operators)])]
  }

  /** What is kept: `<operator>/<state>` with kind and format. Those that begin with `$` are the engine's own. */
  get states(): readonly { readonly state: string; readonly kind: string; readonly format: string }[] {
    return [...this.#catalog.values()]
  }

  get positions(): readonly SavedPosition[] {
    return this.#partitions.map(({ topic, partition, offset }) => ({ topic, partition, offset }))
  }

  /** Records on their way between tasks. */
  get inFlight(): number {
    return this.#rest.inFlight.reduce((sum, { records }) => sum + records.length, 0)
  }

  /** What sinks are to publish when it is restored. */
  get unpublished(): readonly { readonly sink: string; readonly committables: readonly unknown[] }[] {
    return this.#rest.committables.map(({ uid, list }) => ({ sink: uid, committables: list }))
  }

  /** Has the partition read from this offset on. */
  setPosition(topic: string, partition: number, offset: number): void {
    const kept = this.#partitions.filter((own) => own.topic !== topic || own.partition !== partition)
    this.#partitions = [...kept, { topic, partition, offset, watermark: null, end: null }]
  }

  /**
   * Every key of an operator that has any of these states.
   *
   * @throws OPTION_INVALID for an operator or a state that it does not hold, STATE_INCOMPATIBLE for one of another form
   */
  *keys<Descriptors extends StateDescriptors>(
    uid: string,
    descriptors: Descriptors,
  ): Iterable<Omit<SavedKey<Descriptors>, 'timers'>> {
    this.#checkHeld(uid, descriptors)
    const keys = this.#keysOf(uid, Object.keys(descriptors))
    for (const key of keys) yield this.#open(uid, descriptors, key).saved
  }

  /** Changes the state and the timers of every key that has any of these states. */
  changeAll<Descriptors extends StateDescriptors>(
    uid: string,
    descriptors: Descriptors,
    change: (saved: SavedKey<Descriptors>) => void,
  ): void {
    this.#checkHeld(uid, descriptors)
    for (const key of this.#keysOf(uid, Object.keys(descriptors))) this.change(uid, descriptors, key, change)
  }

  /** Changes the state and the timers of one key, which need not have any yet. */
  change<Descriptors extends StateDescriptors>(
    uid: string,
    descriptors: Descriptors,
    key: unknown,
    change: (saved: SavedKey<Descriptors>) => void,
  ): void {
    const { saved, changes, cells } = this.#open(uid, descriptors, key)
    change(saved)
    const made = changes()
    // An operator that sets no timers does not declare any.
    const touched = new Set(Array.from(made, ({ state }) => state))
    const declared = cells.filter(({ name }) => name in descriptors || touched.has(`${uid}/${name}`))
    this.#declare(uid, declared)
    for (const one of made) this.#entries.apply(one)
  }

  /** Deletes all state and timers of a key of an operator. */
  delete(uid: string, key: unknown): void {
    const bytes = keyBytes(key)
    for (const { state } of this.states) {
      if (uidOf(state) === uid) this.#entries.apply({ state, keyGroup: 0, key: bytes, sub: null, value: null })
    }
  }

  /** The timers of an operator, ascending by time. */
  timers(uid: string): SavedTimer[] {
    const domains: Readonly<Record<string, TimeDomain>> = {
      [`${uid}/$event-timers`]: 'event',
      [`${uid}/$processing-timers`]: 'processing',
    }
    const timers: SavedTimer[] = []
    for (const { state, key, sub } of this.#entries.values()) {
      const domain = domains[state]
      if (domain !== undefined && sub !== null) {
        timers.push({ key: decodeKey(asBuffer(key)), timeMs: asBuffer(sub).readDoubleBE(0), domain })
      }
    }
    return timers.sort((a, b) => a.timeMs - b.timeMs)
  }

  /**
   * The lists of the tasks of an operator, all of them together; `change` may change them.
   *
   * @throws STATE_INCOMPATIBLE for lists of another form
   */
  operatorState<Lists extends OperatorListDescriptors>(
    uid: string,
    descriptors: Lists,
    change?: (state: StateHandles<Lists>) => void,
  ): StateHandles<Lists> {
    const modes = (descriptor: unknown): 'split' | 'union' =>
      (descriptor as OperatorListDescriptor<unknown>).redistribute
    const states = new OperatorStates(uid, descriptors, modes)
    const [all] = redistribute(this.#operators[uid] ?? [], 1)
    if (all !== undefined) states.restore(all)
    if (change !== undefined) {
      change(states.handles)
      this.#operators[uid] = [states.snapshot()]
    }
    return states.handles
  }

  async write(file: string): Promise<void> {
    const { job, maxParallelism } = this
    const savepoint: Savepoint = {
      job,
      maxParallelism,
      partitions: this.#partitions,
      catalog: [...this.#catalog.values()],
      entries: [...this.#entries.values()],
      operators: this.#operators,
      ...this.#rest,
    }
    await writeFile(file, encodeSavepoint(savepoint))
  }

  #open<Descriptors extends StateDescriptors>(
    uid: string,
    descriptors: Descriptors,
    key: unknown,
  ): { saved: SavedKey<Descriptors>; changes: () => StateChanges; cells: readonly CellDeclaration[] } {
    const time = new StateTime(systemClock)
    const declared = declareCells(descriptors, time)
    const all = [...declared, ...timerCells]
    const bytes = keyBytes(key)
    const cells = all.map(({ name, create }) => {
      const cell = create()
      for (const { sub, value } of this.#entries.of(`${uid}/${name}`, bytes)) cell.restore(sub, value)
      return cell
    })
    const owner = { current: new KeySlot(key, cells), table: { markDirty() {} } }
    const timers = timersOf(cells.at(-2) as TimerCell, cells.at(-1) as TimerCell)
    const changes = (): StateChanges => {
      const made = new StateChanges()
      made.beginKey().writeBytes(bytes)
      made.endKey(keyGroupOf(bytes, 0, bytes.length, this.maxParallelism))
      all.forEach(({ name }, at) => {
        cells[at]?.collect(made, made.numberOf(`${uid}/${name}`))
      })
      return made
    }
    return { saved: { key, state: createHandles(descriptors, owner, time), timers }, changes, cells: all }
  }

  #keysOf(uid: string, names: readonly string[]): unknown[] {
    const states = new Set(names.map((name) => `${uid}/${name}`))
    const keys = new Map<string, unknown>()
    for (const { state, key } of this.#entries.values()) {
      if (states.has(state)) keys.set(asBuffer(key).toString('latin1'), decodeKey(asBuffer(key)))
    }
    return [...keys.values()]
  }

  #checkHeld(uid: string, descriptors: StateDescriptors): void {
    for (const { name, kind, format } of declareCells(descriptors, new StateTime(systemClock))) {
      this.#checkForm(uid, name, kind, format, true)
    }
  }

  /** Adds to the catalogue what it does not have. */
  #declare(uid: string, cells: readonly CellDeclaration[]): void {
    for (const { name, kind, format } of cells) {
      this.#checkForm(uid, name, kind, format, false)
      const state = `${uid}/${name}`
      this.#catalog.set(state, { state, kind, format: `${keyFormat}+${format}` })
    }
    this.#operators[uid] ??= []
  }

  #checkForm(uid: string, name: string, kind: string, format: string, mustBeHeld: boolean): void {
    const state = `${uid}/${name}`
    const held = this.#catalog.get(state)
    if (held === undefined) {
      if (!mustBeHeld) return
      const known = [...this.#catalog.keys()].filter((path) => !path.includes('/$'))
      throw new OptionError(`The savepoint holds no state '${state}'; it holds ${known.join(', ') || 'none'}.`)
    }
    const difference =
      held.kind === kind
        ? formatDifference(held.format, `${keyFormat}+${format}`)
        : `was a ${held.kind} state and is declared as a ${kind} state`
    if (difference === null) return
    throw new StateIncompatibleError(`The savepoint does not fit: state ${state} ${difference}.`, [
      `state ${state} ${difference}`,
    ])
  }
}

function timersOf(event: TimerCell, processing: TimerCell): Timers {
  return {
    atEventTime: (timeMs) => void event.add(timeMs),
    atProcessingTime: (timeMs) => void processing.add(timeMs),
    deleteEventTime: (timeMs) => void event.delete(timeMs),
    deleteProcessingTime: (timeMs) => void processing.delete(timeMs),
  }
}
