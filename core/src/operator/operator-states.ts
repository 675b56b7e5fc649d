import { StateIncompatibleError, StreamError } from '../errors.ts'
import { decodeKey, keyBytes } from '../serde/key-codec.ts'
import type { Serde } from '../serde/serde.ts'
import { type Cell, ListCell, type MapCell, ValueCell } from '../state/keyed/cells.ts'
import { createHandles } from '../state/keyed/create-handle.ts'
import type { StateDescriptor, StateDescriptors, StateHandles } from '../state/keyed/descriptor.ts'
import { encodeValue } from '../state/keyed/encode-value.ts'
import { KeySlot } from '../state/keyed/key-table.ts'
import { declareCells } from '../state/keyed/keyed-states.ts'
import { StateTime } from '../state/keyed/ttl.ts'
import { StateChanges } from '../state/state-changes.ts'
import { systemClock } from '../time/clock.ts'
import type { OperatorList, OperatorState } from './operator-state.ts'

/** What an operator instance keeps for itself, with the handles that functions get. Written as a whole when it has changed. */
export class OperatorStates<Descriptors extends StateDescriptors> {
  readonly handles: StateHandles<Descriptors>
  readonly #uid: string
  readonly #states: readonly {
    readonly name: string
    readonly mode: OperatorList['mode']
    readonly serde: Serde<unknown>
    readonly format: string
    readonly cell: Cell
  }[]
  /** What was written last; null when something has changed since. */
  #snapshot: OperatorState | null = null

  constructor(uid: string, descriptors: Descriptors, modeOf: (descriptor: StateDescriptor) => OperatorList['mode']) {
    this.#uid = uid
    const cells = declareCells(descriptors, NO_TTL)
    this.#states = Object.values(descriptors).map((declared, at) => {
      const descriptor = declared as unknown as StateDescriptor
      const { name, kind, format, create } = cells[at] as (typeof cells)[number]
      return {
        name,
        mode: modeOf(descriptor),
        serde: descriptor.serde as Serde<unknown>,
        format: `${kind}+${format}`,
        cell: create(),
      }
    })
    const slot = new KeySlot(
      undefined,
      this.#states.map(({ cell }) => cell),
    )
    const markDirty = (): void => {
      this.#snapshot = null
    }
    this.handles = createHandles(descriptors, { current: slot, table: { markDirty } }, NO_TTL)
  }

  snapshot(): OperatorState {
    this.#snapshot ??= Object.fromEntries(
      this.#states.map(({ name, mode, serde, format, cell }) => {
        const items = this.#encoded(name, cell, serde)
        // Cells note what has changed in them; nobody asks for that here.
        cell.collect(new StateChanges(), 0)
        return [name, { mode, format, items }]
      }),
    )
    return this.#snapshot
  }

  #encoded(name: string, cell: Cell, serde: Serde<unknown>): Uint8Array[] {
    try {
      return itemsOf(cell, serde)
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause)
      throw new StreamError(
        'ENCODE_FAILED',
        `State ${this.#uid}/${name} cannot be written as ${serde.format}: ${text}`,
        {
          where: { operator: this.#uid },
          cause,
        },
      )
    }
  }

  /** @throws STATE_INCOMPATIBLE for what was stored in another form, STATE_CORRUPT for what cannot be read */
  restore(state: OperatorState): void {
    for (const { name, format, serde, cell } of this.#states) {
      const stored = state[name]
      if (stored === undefined) continue
      if (stored.format !== format) {
        const difference = `state ${this.#uid}/${name} was written as ${stored.format} and is now declared as ${format}`
        throw new StateIncompatibleError(`The stored state does not fit: ${difference}.`, [difference], {
          where: { operator: this.#uid },
        })
      }
      try {
        fill(cell, serde, stored.items)
      } catch (cause) {
        throw new StreamError('STATE_CORRUPT', `State ${this.#uid}/${name} cannot be read as ${format}.`, {
          where: { operator: this.#uid },
          cause,
        })
      }
    }
  }
}

/** Such state does not expire, which the graph's check sees to. */
const NO_TTL = new StateTime(systemClock)

/** One item for each element; map entries as the length of the key (u32), the key, the value. */
function itemsOf(cell: Cell, serde: Serde<unknown>): Uint8Array[] {
  if (cell instanceof ListCell) return cell.values.map((value) => encodeValue(value, serde))
  if (cell instanceof ValueCell) return cell.isEmpty ? [] : [encodeValue(cell.value, serde)]
  return [...(cell as MapCell).entries.values()].map(({ key, value }) => {
    const bytes = keyBytes(key)
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32BE(bytes.length, 0)
    return Buffer.concat([length, bytes, encodeValue(value, serde)])
  })
}

function fill(cell: Cell, serde: Serde<unknown>, items: readonly Uint8Array[]): void {
  for (const item of items) {
    const bytes = Buffer.from(item.buffer, item.byteOffset, item.length)
    if (cell instanceof ListCell) cell.values.push(serde.decode(bytes, 0, bytes.length))
    else if (cell instanceof ValueCell) cell.value = serde.decode(bytes, 0, bytes.length)
    else {
      const end = 4 + bytes.readUInt32BE(0)
      ;(cell as MapCell).set(decodeKey(bytes.subarray(4, end)), serde.decode(bytes, end, bytes.length))
    }
  }
}
