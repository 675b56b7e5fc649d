import type { NoState, StateDescriptor, StateDescriptors, StateHandles } from '../../state/keyed/descriptor.ts'
import type { KeySlot } from '../../state/keyed/key-table.ts'
import { type Cells, declareCells } from '../../state/keyed/keyed-states.ts'
import type { StateTime } from '../../state/keyed/ttl.ts'
import type { Timers } from '../process-function.ts'
import type { TimeDomain } from '../timer-service.ts'
import type { PaneStateDeclaration, PaneStateSlot } from './pane-states.ts'
import type { PaneStore } from './pane-store.ts'
import type { TriggerContext } from './trigger.ts'
import type { TimeWindow } from './window-assigner.ts'

/** State of triggers stands beside that of functions, under names that no declared state can have. */
export const TRIGGER_PREFIX = '$trigger.'
export const WINDOW_PREFIX = '$window.'

/** Sets and deletes timers of the window that is looked at. */
export interface WindowTimers {
  set(domain: TimeDomain, timeMs: number): void
  delete(domain: TimeDomain, timeMs: number): void
}

/** Whose state the handles and timers work on: the window that is looked at. */
export class PaneOwner {
  current: KeySlot<Cells> = null as unknown as KeySlot<Cells>
  readonly table: { markDirty(slot: KeySlot<Cells>): void; slots(): Iterable<KeySlot<Cells>> }

  constructor(store: PaneStore) {
    this.table = {
      markDirty: (slot) => store.markDirty((slot as PaneStateSlot).pane),
      *slots() {
        for (const { data } of store.table.slots()) for (const { state } of data.panes) if (state !== null) yield state
      },
    }
  }
}

/** One object for all windows. Plain fields, since triggers within triggers see it through a derived object. */
export class WindowTriggerContext implements TriggerContext<NoState> {
  key: unknown = undefined
  window: TimeWindow = { start: 0, end: 0 }
  readonly state: StateHandles<NoState>
  readonly timers: Timers
  readonly operator: { readonly watermark: number; now(): number }

  constructor(
    operator: { readonly watermark: number; now(): number },
    state: StateHandles<NoState>,
    timers: WindowTimers,
  ) {
    this.operator = operator
    this.state = state
    this.timers = {
      atEventTime: (timeMs) => timers.set('event', timeMs),
      atProcessingTime: (timeMs) => timers.set('processing', timeMs),
      deleteEventTime: (timeMs) => timers.delete('event', timeMs),
      deleteProcessingTime: (timeMs) => timers.delete('processing', timeMs),
    }
  }

  get watermark(): number {
    return this.operator.watermark
  }

  now(): number {
    return this.operator.now()
  }
}

export function prefixed(prefix: string, descriptors: StateDescriptors): StateDescriptors {
  return Object.fromEntries(Object.entries(descriptors).map(([name, descriptor]) => [prefix + name, descriptor]))
}

/** The handles of the states that were declared with this prefix, by their own names. */
export function pick(
  handles: StateHandles<StateDescriptors>,
  prefix: string,
  descriptors: StateDescriptors,
): StateHandles<NoState> {
  return Object.fromEntries(Object.keys(descriptors).map((name) => [name, handles[prefix + name]]))
}

export function declared(prefix: string, descriptors: StateDescriptors, time: StateTime): PaneStateDeclaration[] {
  const own = Object.values(descriptors) as unknown as StateDescriptor[]
  return declareCells(prefixed(prefix, descriptors), time).map((cell, at) => ({
    cell,
    descriptor: own[at] as StateDescriptor,
  }))
}
