import { ByteWriter } from '../serde/byte-writer.ts'
import type { Serde } from '../serde/serde.ts'
import type { StateChange, StateChangeList } from './backend.ts'

/** What is kept of a change: so many numbers, of which each position is one of these. */
const WIDTH = 8
const STATE = 0
const KEY_GROUP = 1
const KEY_START = 2
const KEY_END = 3
const SUB_START = 4
const SUB_END = 5
const VALUE_START = 6
const VALUE_END = 7
/** Where a sub key or a value starts that there is not. */
const NONE = -1

const MIN_CHANGES = 64
const MIN_BYTES = 1024
const SPARE = 1.1

/**
 * The changes of an epoch in their order, as one run of bytes and the positions in it. A barrier collects tens of thousands of
 * changes in one go while no record is processed: objects and buffers of each would take most of that time.
 *
 * A key is written first, then its changes, each with its sub key if it has one:
 *
 * @example
 * encodeKey(key, changes.beginKey())
 * changes.endKey(keyGroup)
 * changes.put(changes.numberOf('uid/count'), 1, serde)
 * changes.beginSub().writeUint32(index)
 * changes.put(changes.numberOf('uid/list'), element, serde)
 */
export class StateChanges implements StateChangeList {
  readonly #writer: ByteWriter
  /** Of 64 bits: a savepoint that is restored is one epoch, and may be larger than 2 GB. */
  #numbers: Float64Array
  #length = 0
  #byteLength = 0
  readonly #names: string[] = []
  readonly #numberOfName = new Map<string, number>()
  #keyStart = 0
  #keyEnd = 0
  #keyGroup = 0
  #subStart = NONE
  #valueStart = 0

  /** With room for a little more than another one holds. */
  constructor(like?: StateChanges) {
    const [bytes, changes] = like === undefined ? [0, 0] : [like.#writer.position, like.#length]
    this.#writer = new ByteWriter(Math.max(MIN_BYTES, Math.ceil(bytes * SPARE)))
    this.#numbers = new Float64Array(WIDTH * Math.max(MIN_CHANGES, Math.ceil(changes * SPARE)))
  }

  /** The same changes in this form. */
  static from(list: StateChangeList): StateChanges {
    if (list instanceof StateChanges) return list
    const changes = new StateChanges()
    for (const change of list) changes.add(change)
    return changes
  }

  get length(): number {
    return this.#length
  }

  /** Bytes of keys, sub keys and values. */
  get byteLength(): number {
    return this.#byteLength
  }

  /** What the positions of keys, sub keys and values are in. */
  get bytes(): Buffer {
    return this.#writer.buffer
  }

  /** Names of states; changes have the position of theirs. */
  get names(): readonly string[] {
    return this.#names
  }

  /** The number that a state has here. */
  numberOf(state: string): number {
    let number = this.#numberOfName.get(state)
    if (number === undefined) {
      number = this.#names.push(state) - 1
      this.#numberOfName.set(state, number)
    }
    return number
  }

  /** What is written until `endKey` is the key of the changes that follow. */
  beginKey(): ByteWriter {
    this.#keyStart = this.#writer.position
    return this.#writer
  }

  endKey(keyGroup: number): void {
    this.#keyEnd = this.#writer.position
    this.#keyGroup = keyGroup
  }

  /** What is written until the value, or `delete`, is the sub key of the next change. */
  beginSub(): ByteWriter {
    this.#subStart = this.#writer.position
    return this.#writer
  }

  /** What is written until `endValue` is the value of the next change. */
  beginValue(): ByteWriter {
    this.#valueStart = this.#writer.position
    return this.#writer
  }

  endValue(state: number): void {
    this.#append(state, this.#valueStart, this.#writer.position)
  }

  /** Sets the value of the key, or of the sub key that was written. */
  put<T>(state: number, value: T, serde: Serde<T>): void {
    serde.encode(value, this.beginValue())
    this.endValue(state)
  }

  /** Deletes the entry of the sub key that was written; without one, all that the key has. */
  delete(state: number): void {
    this.#valueStart = this.#writer.position
    this.#append(state, NONE, NONE)
  }

  add({ state, keyGroup, key, sub, value }: StateChange): void {
    this.beginKey().writeBytes(key)
    this.endKey(keyGroup)
    if (sub !== null) this.beginSub().writeBytes(sub)
    if (value === null) {
      this.delete(this.numberOf(state))
    } else {
      this.beginValue().writeBytes(value)
      this.endValue(this.numberOf(state))
    }
  }

  /** The number of the state of a change. */
  stateOf(index: number): number {
    return this.#numbers[index * WIDTH + STATE] as number
  }

  keyGroupOf(index: number): number {
    return this.#numbers[index * WIDTH + KEY_GROUP] as number
  }

  keyStart(index: number): number {
    return this.#numbers[index * WIDTH + KEY_START] as number
  }

  keyEnd(index: number): number {
    return this.#numbers[index * WIDTH + KEY_END] as number
  }

  /** Negative for none. */
  subStart(index: number): number {
    return this.#numbers[index * WIDTH + SUB_START] as number
  }

  subEnd(index: number): number {
    return this.#numbers[index * WIDTH + SUB_END] as number
  }

  /** Negative for what is deleted. */
  valueStart(index: number): number {
    return this.#numbers[index * WIDTH + VALUE_START] as number
  }

  valueEnd(index: number): number {
    return this.#numbers[index * WIDTH + VALUE_END] as number
  }

  /** A change as an object, whose bytes are not copies. */
  at(index: number): StateChange {
    const sub = this.subStart(index)
    const value = this.valueStart(index)
    return {
      state: this.#names[this.stateOf(index)] as string,
      keyGroup: this.keyGroupOf(index),
      key: this.bytes.subarray(this.keyStart(index), this.keyEnd(index)),
      sub: sub < 0 ? null : this.bytes.subarray(sub, this.subEnd(index)),
      value: value < 0 ? null : this.bytes.subarray(value, this.valueEnd(index)),
    }
  }

  *[Symbol.iterator](): Generator<StateChange, void> {
    for (let index = 0; index < this.#length; index++) yield this.at(index)
  }

  #append(state: number, valueStart: number, valueEnd: number): void {
    const at = this.#length * WIDTH
    if (at === this.#numbers.length) this.#grow()
    const numbers = this.#numbers
    const subStart = this.#subStart
    const subEnd = subStart < 0 ? NONE : this.#valueStart
    numbers[at + STATE] = state
    numbers[at + KEY_GROUP] = this.#keyGroup
    numbers[at + KEY_START] = this.#keyStart
    numbers[at + KEY_END] = this.#keyEnd
    numbers[at + SUB_START] = subStart
    numbers[at + SUB_END] = subEnd
    numbers[at + VALUE_START] = valueStart
    numbers[at + VALUE_END] = valueEnd
    this.#byteLength += this.#keyEnd - this.#keyStart + (subEnd - subStart) + (valueEnd - valueStart)
    this.#subStart = NONE
    this.#length++
  }

  #grow(): void {
    const larger = new Float64Array(this.#numbers.length * 2)
    larger.set(this.#numbers)
    this.#numbers = larger
  }
}
