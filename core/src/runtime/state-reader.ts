import type { StateReader } from '../operator/operator.ts'
import type { TakenOver } from './task-take-over.ts'

/** How the operators of a task read state that is not on the heap; null when all of it is. */
export function stateReader({ store, meta }: TakenOver, maxKeys: number | null): StateReader | null {
  if (store === null || maxKeys === null) return null
  return { maxKeys, isNew: meta === null, read: (state, keys) => store.getMany(state, keys) }
}
