import { OptionError } from '../errors.ts'
import type { StateCatalogEntry } from '../operator/operator.ts'
import type { OperatorState } from '../operator/operator-state.ts'
import type { TimeDomain } from '../operator/timer-service.ts'
import type { Chain } from '../runtime/chain.ts'
import type { CollectedEpoch } from '../runtime/epoch-collector.ts'
import { decodeKey, keyBytes } from '../serde/key-codec.ts'
import { EntryMap } from '../state/entry-map.ts'
import { createHandles } from '../state/keyed/create-handle.ts'
import type { StateDescriptors } from '../state/keyed/descriptor.ts'
import { KeySlot } from '../state/keyed/key-table.ts'
import { declareCells } from '../state/keyed/keyed-states.ts'
import { StateTime } from '../state/keyed/ttl.ts'
import type { Clock } from '../time/clock.ts'

/** A timer that has been set and has not fired. */
export interface PendingTimer {
  readonly key: unknown
  readonly timeMs: number
  readonly domain: TimeDomain
}

/** What a harness keeps of the state of its operators: the entries that a backend would have. */
export class StoredState {
  readonly #entries = new EntryMap()
  readonly #clock: Clock
  #operators: Readonly<Record<string, OperatorState>> = {}

  constructor(clock: Clock) {
    this.#clock = clock
  }

  apply({ changes, operators }: CollectedEpoch): void {
    for (const change of changes) this.#entries.apply(change)
    this.#operators = operators
  }

  restore(chain: Chain): void {
    for (const entry of this.#entries.values()) chain.restore(entry)
    for (const [uid, operator] of chain.operators) {
      const state = this.#operators[uid]
      if (state !== undefined) operator.restoreOperatorState(state)
    }
  }

  /** A handle on the stored state of one key. */
  handle<Handle>(
    name: string,
    descriptor: { readonly '~handle'?: Handle },
    key: unknown,
    catalog: readonly StateCatalogEntry[],
  ): Handle {
    const found = catalog.find(({ state }) => state.endsWith(`/${name}`))
    if (found === undefined) {
      const known = catalog.map(({ state }) => state.slice(state.lastIndexOf('/') + 1)).filter((own) => own[0] !== '$')
      throw new OptionError(`No operator of the harness has a state '${name}'; there is ${known.join(', ') || 'none'}.`)
    }
    const descriptors = { [name]: descriptor } as unknown as StateDescriptors
    const time = new StateTime(this.#clock)
    const cells = declareCells(descriptors, time).map(({ create }) => create())
    for (const { sub, value } of this.#entries.of(found.state, keyBytes(key))) cells[0]?.restore(sub, value)
    const handles = createHandles(descriptors, { current: new KeySlot(key, cells), table: { markDirty() {} } }, time)
    return handles[name] as Handle
  }

  timers(): PendingTimer[] {
    const timers: PendingTimer[] = []
    for (const { state, key, sub } of this.#entries.values()) {
      const domain = /\/\$(event|processing)-timers$/.exec(state)?.[1] as TimeDomain | undefined
      if (domain === undefined || sub === null) continue
      timers.push({
        key: decodeKey(Buffer.from(key.buffer, key.byteOffset, key.length)),
        timeMs: Buffer.from(sub.buffer, sub.byteOffset, sub.length).readDoubleBE(0),
        domain,
      })
    }
    return timers.sort((a, b) => a.timeMs - b.timeMs)
  }
}
