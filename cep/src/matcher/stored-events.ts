import type { BufferedEvent, SharedBuffer } from './shared-buffer.ts'

/*
 * Events are most of what a key with many partial matches has to store. From a certain size on they are stored one by one beside the
 * partial matches, so that a commit writes those that have come since the one before, and of the others a few bytes each. Keys
 * with few of them keep everything in one value, which is cheaper.
 */

/** Links in the buffer of a key from which on its events are stored one by one. */
export const LARGE = 64

/** Where events are stored, by their number among those of the key. */
export interface EventStore {
  get(sequence: number): unknown
  set(sequence: number, event: unknown): void
  delete(sequence: number): void
}

/** Whether `storeEvents` has anything to do. */
export function hasEventsToStore({ gone, fresh, size }: SharedBuffer): boolean {
  return gone.length > 0 || fresh.length > 2 * LARGE || (size >= LARGE && fresh.length > 0)
}

/** Brings the store up to date with the buffer. */
export function storeEvents(buffer: SharedBuffer, store: EventStore, large: number = LARGE): void {
  if (buffer.gone.length > 0) {
    for (const event of buffer.gone) if (event.nodes === 0) store.delete(event.sequence)
    buffer.gone = []
  }
  if (buffer.size >= large) {
    for (const event of buffer.fresh) {
      if (event.nodes === 0 || event.isStored) continue
      store.set(event.sequence, event.value)
      event.isStored = true
    }
    buffer.fresh = []
  } else if (buffer.fresh.length > 2 * large) {
    buffer.fresh = buffer.fresh.filter(isNeeded)
  }
}

/** Gives restored events their values. */
export function readEvents(events: readonly BufferedEvent[], store: EventStore): void {
  for (const event of events) event.value = store.get(event.sequence)
}

function isNeeded({ nodes }: BufferedEvent): boolean {
  return nodes > 0
}
