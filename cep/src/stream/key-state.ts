import type { Serde } from '@millrace/core'
import type { ByteWriter } from '@millrace/core/spi'
import type { PartialMatches } from '../matcher/partial-matches.ts'
import { decodeMatches, encodeMatches } from '../matcher/stored-matches.ts'
import { ByteReader, writeSized, writeText, writeVarint } from '../matcher/varint.ts'
import { EventQueue } from './event-queue.ts'

const NEVER = Number.POSITIVE_INFINITY

/** What one key has for one rule: a pattern, and its version. */
export interface RuleMatches {
  readonly rule: string
  readonly version: number
  readonly matches: PartialMatches
}

/** All that is kept of a key. */
export class KeyState {
  readonly waiting: EventQueue = new EventQueue()
  /** Not those rules for which nothing is kept. */
  rules: RuleMatches[] = []
  /** The timers that are set: for the first event that waits, for the first deadline, and for the end of the input. */
  waitingTimerMs: number = NEVER
  deadlineTimerMs: number = NEVER
  hasEndTimer = false

  get isEmpty(): boolean {
    return this.waiting.size === 0 && this.rules.length === 0
  }
}

/** Keyed state in a compact form. `fingerprint` names the structure of the pattern, where it is the job's and not data. */
export function keyStateSerde(events: Serde<unknown>, fingerprint: string): Serde<KeyState> {
  return {
    format: `cep@1(${events.format}${fingerprint === '' ? '' : `,${fingerprint}`})`,

    encode(state: KeyState, target: ByteWriter): void {
      target.writeFloat64(state.waitingTimerMs)
      target.writeFloat64(state.deadlineTimerMs)
      target.writeUint8(state.hasEndTimer ? 1 : 0)
      writeVarint(state.waiting.size, target)
      for (const { event, timestamp } of state.waiting.events) {
        target.writeFloat64(timestamp)
        writeSized(target, (into) => events.encode(event, into))
      }
      writeVarint(state.rules.length, target)
      for (const { rule, version, matches } of state.rules) {
        writeText(rule, target)
        writeVarint(version, target)
        encodeMatches(matches, events, target)
      }
    },

    decode(bytes: Buffer, start: number, end: number): KeyState {
      const reader = new ByteReader(bytes, start, end)
      const state = new KeyState()
      state.waitingTimerMs = reader.float64()
      state.deadlineTimerMs = reader.float64()
      state.hasEndTimer = reader.varint() === 1
      for (let left = reader.varint(); left > 0; left--) {
        const timestamp = reader.float64()
        // Ties stay as they came; those that have an order get it when they are taken.
        state.waiting.push(
          reader.decode((each, from, to) => events.decode(each, from, to)),
          timestamp,
          true,
        )
      }
      for (let left = reader.varint(); left > 0; left--) {
        const rule = reader.text()
        const version = reader.varint()
        state.rules.push({ rule, version, matches: decodeMatches(reader, events) })
      }
      if (!reader.isAtEnd) throw new RangeError('there are bytes behind what was stored')
      return state
    },
  }
}
