import { tmpdir } from 'node:os'
import { silentLogger } from '../../src/metrics/logger.ts'
import { MetricRegistry } from '../../src/metrics/metric-registry.ts'
import { TaskMemory } from '../../src/operator/batch/memory/task-memory.ts'
import type { RoundMark } from '../../src/operator/loop/round.ts'
import type { DeltaCollector, Operator, Receiver, StateReader } from '../../src/operator/operator.ts'
import type { OperatorState } from '../../src/operator/operator-state.ts'
import type { Signal, SignalValue } from '../../src/operator/signal/signal.ts'
import type { StateChange, StateEntry } from '../../src/state/backend.ts'
import { StateChanges } from '../../src/state/state-changes.ts'
import type { CancelTimer } from '../../src/time/clock.ts'
import { VirtualClock } from '../../src/time/virtual-clock.ts'

export type Element =
  | { readonly record: unknown; readonly timestamp: number }
  | { readonly watermark: number }
  | { readonly idle: boolean }
  | { readonly barrier: number }
  | { readonly mark: RoundMark }
  | { readonly signal: string; readonly value: SignalValue }
  | { readonly end: true }

/** Runs one operator alone and notes what comes out of it; keeps its state as a backend would. */
export class OperatorHarness {
  readonly elements: Element[] = []
  readonly sides = new Map<string, unknown[]>()
  readonly metrics: MetricRegistry = new MetricRegistry()
  readonly clock: VirtualClock
  readonly stored: Map<string, StateEntry>
  readonly operatorStates = new Map<string, OperatorState>()
  readonly #operator: Operator
  #changes = new StateChanges()
  readonly #stateReader: StateReader | null
  /** Another operator of the task holds commits back. */
  commitsSuspended = false
  #epoch = 0
  /** Another instance goes on in its place: nothing comes back to this one. */
  #isAbandoned = false

  constructor(
    operator: Operator,
    stored: Map<string, StateEntry> = new Map(),
    clock: VirtualClock = new VirtualClock(),
    stateReader: StateReader | null = null,
    signals: readonly Signal[] = [],
  ) {
    this.#operator = operator
    this.#stateReader = stateReader
    this.stored = stored
    this.clock = clock
    operator.setup({
      uid: 'tested',
      name: 'tested',
      job: 'test',
      index: 0,
      attempt: 0,
      parallelism: 1,
      maxParallelism: 128,
      clock,
      metrics: this.metrics,
      logger: silentLogger,
      memory: new TaskMemory({ budgetBytes: 1024 * 1024, directory: tmpdir() }),
      delta: this.#delta(),
      commitsSuspended: () => this.commitsSuspended,
      stateReader,
      signals: signals.length === 0 ? null : operator.inputs.map(() => signals),
      schedule: (timeMs, callback): CancelTimer =>
        clock.setTimer(Math.max(0, timeMs - clock.now()), this.#unlessAbandoned(callback)),
      post: (callback) => void clock.setTimer(0, this.#unlessAbandoned(callback)),
      output: (tag) => (tag === undefined ? this.#main() : this.#side(tag)),
    })
    for (const entry of stored.values()) if (operator.restoresAtStart(entry.state)) operator.restore(entry)
  }

  async open(): Promise<this> {
    await this.#operator.open()
    return this
  }

  /** Another instance of the operator, from what the last barrier stored. */
  restart(operator: Operator): Promise<OperatorHarness> {
    this.#isAbandoned = true
    const next = new OperatorHarness(operator, this.stored, this.clock, this.#stateReader)
    const state = this.operatorStates.get('tested')
    if (state !== undefined) operator.restoreOperatorState(state)
    return next.open()
  }

  send(value: unknown, timestamp: number, input = 0): void {
    this.#input(input).onRecord(value, timestamp)
  }

  watermark(watermark: number, input = 0): void {
    this.#input(input).onWatermark(watermark)
  }

  idle(idle: boolean, input = 0): void {
    this.#input(input).onIdle(idle)
  }

  round(mark: RoundMark, input = 0): void {
    this.#input(input).onRound(mark)
  }

  signal(signal: Signal, value: SignalValue, input = 0): void {
    this.#input(input).onSignal(signal, value)
  }

  end(input = 0): void {
    this.#input(input).onEnd()
  }

  /** A barrier on one input; what the operator hands over is applied to the stored state. */
  barrier(epoch: number, input = 0): void {
    this.#input(input).onBarrier(epoch)
    this.#apply()
  }

  /** A barrier on every input; returns the changes it brought. */
  snapshot(): StateChange[] {
    this.stage()
    return this.applied()
  }

  /** A barrier on every input; what it brought is not stored before `applied`. */
  stage(): void {
    this.#epoch++
    for (let input = 0; input < this.#operator.inputs.length; input++) this.#input(input).onBarrier(this.#epoch)
  }

  applied(): StateChange[] {
    const changes = this.#apply()
    this.#operator.onApplied(this.#epoch)
    return changes
  }

  get records(): unknown[] {
    return this.elements.flatMap((element) => ('record' in element ? [element.record] : []))
  }

  get timestamps(): number[] {
    return this.elements.flatMap((element) => ('record' in element ? [element.timestamp] : []))
  }

  #unlessAbandoned(callback: () => void): () => void {
    return () => {
      if (!this.#isAbandoned) callback()
    }
  }

  #delta(): DeltaCollector {
    const changes = (): StateChanges => this.#changes
    return {
      get changes() {
        return changes()
      },
      setOperatorState: (uid, state) => this.operatorStates.set(uid, state),
    }
  }

  #apply(): StateChange[] {
    const changes = [...this.#changes]
    this.#changes = new StateChanges()
    for (const change of changes) {
      const prefix = `${change.state}|${Buffer.from(change.key).toString('hex')}|`
      if (change.sub === null && change.value === null) {
        for (const id of [...this.stored.keys()]) if (id.startsWith(prefix)) this.stored.delete(id)
        continue
      }
      const id = prefix + (change.sub === null ? '-' : Buffer.from(change.sub).toString('hex'))
      if (change.value === null) this.stored.delete(id)
      else this.stored.set(id, { ...change, value: change.value })
    }
    return changes
  }

  #input(input: number): Receiver<unknown> {
    return this.#operator.inputs[input] as unknown as Receiver<unknown>
  }

  #main(): Receiver<unknown> {
    return {
      onRecord: (record, timestamp) => this.elements.push({ record, timestamp }),
      onWatermark: (watermark) => this.elements.push({ watermark }),
      onIdle: (idle) => this.elements.push({ idle }),
      onBarrier: (barrier) => this.elements.push({ barrier }),
      onRound: (mark) => this.elements.push({ mark }),
      onSignal: ({ name }, value) => this.elements.push({ signal: name, value }),
      onEnd: () => this.elements.push({ end: true }),
    }
  }

  #side(tag: string): Receiver<unknown> {
    const records = this.sides.get(tag) ?? []
    this.sides.set(tag, records)
    return {
      onRecord: (record) => records.push(record),
      onSignal() {},
      onWatermark() {},
      onIdle() {},
      onBarrier() {},
      onRound() {},
      onEnd() {},
    }
  }
}
