import type { StateReader } from '../../src/operator/operator.ts'
import type { StateEntry } from '../../src/state/backend.ts'
import { sleep } from '../../src/time/clock.ts'
import type { VirtualClock } from '../../src/time/virtual-clock.ts'

/** Answers after a while, from what is stored by then. */
export function storedReader(
  stored: Map<string, StateEntry>,
  clock: VirtualClock,
  maxKeys: number,
  delayMs = 3,
): StateReader {
  return {
    maxKeys,
    get isNew() {
      return stored.size === 0
    },
    async read(name, keys) {
      await sleep(clock, delayMs)
      return keys.map(({ key }) =>
        [...stored.values()].filter((entry) => entry.state === name && Buffer.compare(entry.key, key) === 0),
      )
    },
  }
}
