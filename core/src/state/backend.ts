/*
 * The StateBackend SPI: durable state of tasks, changed in epochs. The log's transaction is the decision, the backend
 * follows it: stage N, (decision), apply N. Every write carries the fence token of the owner and is refused after a
 * take-over. Every implementation passes the same contract suite (test/contract/state-backend.contract.ts).
 *
 * Failures: CONNECTION_FAILED with the address, FENCED after a take-over, STATE_CORRUPT when what is stored cannot be
 * read or has an unknown version, else STATE_BACKEND_FAILED with the cause.
 */

/** One change of one entry. An entry is addressed by state, key group, key, and for map and list states a sub key. */
export interface StateChange {
  /** `<operator uid>/<state name>`; stable over versions of the job. */
  readonly state: string
  readonly keyGroup: number
  /** The serialized key, with the namespace (a window) behind it where the state has one. */
  readonly key: Uint8Array
  /** Null for states with one value per key; else the serialized map key or list position. */
  readonly sub: Uint8Array | null
  /** Null deletes: the one entry, or with `sub` null all entries of the key. */
  readonly value: Uint8Array | null
}

export interface StateEntry {
  readonly state: string
  readonly keyGroup: number
  readonly key: Uint8Array
  readonly sub: Uint8Array | null
  readonly value: Uint8Array
}

/** Changes in the order in which they are made: an array of them, or what the engine collects (`StateChanges`). */
export interface StateChangeList extends Iterable<StateChange> {
  readonly length: number
}

/** What changed in one epoch. */
export interface StateDelta {
  readonly epoch: number
  /** Positions, operator state, catalogue of states: opaque here, replaced as a whole. */
  readonly meta: Uint8Array
  readonly changes: StateChangeList
}

/** A key of a state. */
export interface StateKey {
  readonly keyGroup: number
  readonly key: Uint8Array
}

export interface TaskAddress {
  readonly job: string
  readonly region: string
  readonly index: number
}

export interface StoredEpoch {
  readonly epoch: number
  readonly meta: Uint8Array
}

export interface Acquired {
  /** The last epoch whose delta is completely in the state, or null for a task that never applied one. */
  readonly applied: StoredEpoch | null
  /** The epoch that `decide` made true, for jobs whose decision lies in the backend. */
  readonly decided: number | null
  /** Staged epochs, ascending; a stage that was cut short is not among them. */
  readonly staged: readonly number[]
}

/** Entries by the position of the key that was asked for, as of an epoch. */
export interface AppliedEntries {
  readonly epoch: number
  readonly entries: readonly (readonly StateEntry[])[]
}

/** The durable state of one task, as its owner sees it. One call at a time, but for `getMany`, which may come meanwhile. */
export interface TaskStore {
  /** Takes the task over: every former owner's writes are refused from now on. */
  acquire(): Promise<Acquired>
  /** Keeps the delta aside; complete or not at all. Staging an epoch again replaces it. */
  stage(delta: StateDelta): Promise<void>
  /** Makes a staged epoch the decided one, where no log transaction does it. */
  decide(epoch: number): Promise<void>
  /**
   * Folds the staged epoch into the state, idempotently (it may be cut anywhere and be done again), sets `applied`, and
   * drops the stage.
   */
  apply(epoch: number): Promise<void>
  /** Drops every staged epoch above `epoch`. */
  discardAbove(epoch: number): Promise<void>
  /** All entries of the task, or those of the states that are wanted, in batches, in no particular order. */
  load(isWanted?: (state: string) => boolean): AsyncIterable<readonly StateEntry[]>
  /**
   * The entries of these keys of one state, in one round trip; result by position, empty for a missing key. While an epoch is
   * being applied, keys that it changes may be seen before or after.
   */
  getMany(state: string, keys: readonly StateKey[]): Promise<(readonly StateEntry[])[]>
  /** Gives the store up without touching what is stored. */
  close(): Promise<void>
}

export interface StateBackend {
  /** `memory`, `redis`. */
  readonly kind: string
  /** True when state outlives this process. */
  readonly durable: boolean
  /** Address for people, without secrets. */
  describe(): string
  connect(): Promise<void>
  close(): Promise<void>
  task(address: TaskAddress): TaskStore
  /**
   * What is applied of these keys, for whoever does not own the task: it takes nothing over and changes nothing. Keys are as
   * of one epoch; null when the task has applied none.
   */
  read(address: TaskAddress, state: string, keys: readonly StateKey[]): Promise<AppliedEntries | null>
  /** Forgets everything stored for the job. */
  clear(job: string): Promise<void>
}
