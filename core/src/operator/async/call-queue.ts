import type { Receiver } from '../operator.ts'
import type { Call } from './call.ts'

type Fence = (out: Receiver<unknown>) => void

/** Calls between two control elements, and the control elements that follow them. */
class Segment {
  readonly calls = new Set<Call>()
  readonly fences: Fence[] = []
}

/** Calls in the order of their records, cut where control elements lie that no result may overtake. */
export class CallQueue {
  readonly #isOrdered: boolean
  readonly #send: (call: Call) => void
  readonly #out: Receiver<unknown>
  #segments: Segment[] = []
  #size = 0

  constructor(isOrdered: boolean, send: (call: Call) => void, out: Receiver<unknown>) {
    this.#isOrdered = isOrdered
    this.#send = send
    this.#out = out
  }

  /** Calls whose results have not been sent on. */
  get size(): number {
    return this.#size
  }

  *calls(): Iterable<Call> {
    for (const { calls } of this.#segments) yield* calls
  }

  add(call: Call): void {
    this.#size++
    const last = this.#segments.at(-1)
    if (last !== undefined && last.fences.length === 0) {
      last.calls.add(call)
      return
    }
    const segment = new Segment()
    segment.calls.add(call)
    this.#segments.push(segment)
  }

  /** Sends a control element on behind the calls that are waiting. */
  addFence(fence: Fence): void {
    const last = this.#segments.at(-1)
    if (last === undefined) fence(this.#out)
    else last.fences.push(fence)
  }

  /** Sends on what a call that is done now lets pass. */
  onDone(call: Call): void {
    const head = this.#segments[0]
    if (head === undefined || !head.calls.has(call)) return
    if (this.#isOrdered) this.#sendDone(head)
    else this.#take(head, call)
    while (this.#segments[0]?.calls.size === 0) {
      const { fences } = this.#segments.shift() as Segment
      for (const fence of fences) fence(this.#out)
      const next = this.#segments[0]
      if (next !== undefined) this.#sendDone(next)
    }
  }

  #sendDone(segment: Segment): void {
    for (const call of segment.calls) {
      if (call.isDone) this.#take(segment, call)
      else if (this.#isOrdered) return
    }
  }

  #take(segment: Segment, call: Call): void {
    segment.calls.delete(call)
    this.#size--
    this.#send(call)
  }
}
