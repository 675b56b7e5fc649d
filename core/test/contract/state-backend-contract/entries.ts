import { FencedError } from '../../../src/errors.ts'
import type { StateChange, StateEntry, TaskStore } from '../../../src/state/backend.ts'

export const allBytes: Buffer = Buffer.from(Array.from({ length: 256 }, (_, i) => i))

export function bytes(value: string): Buffer {
  return Buffer.from(value)
}

export function put(state: string, keyGroup: number, key: string, value: string): StateChange {
  return { state, keyGroup, key: bytes(key), sub: null, value: bytes(value) }
}

export function remove(state: string, keyGroup: number, key: string): StateChange {
  return { state, keyGroup, key: bytes(key), sub: null, value: null }
}

export function putSub(state: string, keyGroup: number, key: string, sub: string, value: string): StateChange {
  return { state, keyGroup, key: bytes(key), sub: bytes(sub), value: bytes(value) }
}

export function removeSub(state: string, keyGroup: number, key: string, sub: string): StateChange {
  return { state, keyGroup, key: bytes(key), sub: bytes(sub), value: null }
}

export function many<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i))
}

export function text({ state, keyGroup, key, sub, value }: StateEntry): string {
  return `${state} ${keyGroup} ${key}${sub === null ? '' : `/${sub}`} = ${value}`
}

export async function entriesOf(store: TaskStore): Promise<StateEntry[]> {
  const entries: StateEntry[] = []
  for await (const batch of store.load()) entries.push(...batch)
  return entries
}

/** All entries as text, sorted; an entry that comes twice is seen. */
export async function loadAll(store: TaskStore): Promise<string[]> {
  return (await entriesOf(store)).map(text).sort()
}

export function isFenced(error: unknown): boolean {
  return error instanceof FencedError && error.code === 'FENCED' && error.reaction === 'leave-task'
}
