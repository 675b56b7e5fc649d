import type { TimeDomain } from '../timer-service.ts'

export type Times = Record<TimeDomain, number>

/** What is known of a key whose windows are not on the heap. */
export interface ParkedKey {
  /** When something of it is due. */
  readonly due: Times
  /** Up to when it stands in the queue. */
  readonly queued: Times
  /** The ids of its panes. */
  readonly panes: readonly number[]
}

const DOMAINS: readonly TimeDomain[] = ['event', 'processing']
const NEVER = Number.POSITIVE_INFINITY

/**
 * Keys whose windows are in the backend, by their serialized form. There may be very many of them, so each is a short
 * string of bytes: flags u8 | for each domain in which something is due: due f64, queued f64 | ids of panes f64 …
 */
export class ParkedKeys {
  readonly #parked = new Map<string, string>()
  #scratch = Buffer.allocUnsafe(256)

  get size(): number {
    return this.#parked.size
  }

  ids(): Iterable<string> {
    return this.#parked.keys()
  }

  get(id: string): ParkedKey | undefined {
    const text = this.#parked.get(id)
    return text === undefined ? undefined : this.#decode(text)
  }

  set(id: string, { due, queued, panes }: ParkedKey): void {
    const needed = 1 + 32 + panes.length * 8
    if (needed > this.#scratch.length) this.#scratch = Buffer.allocUnsafe(needed * 2)
    const bytes = this.#scratch
    let flags = 0
    let at = 1
    for (const [bit, domain] of DOMAINS.entries()) {
      if (due[domain] === NEVER && queued[domain] === NEVER) continue
      flags |= 1 << bit
      at = bytes.writeDoubleBE(due[domain], at)
      at = bytes.writeDoubleBE(queued[domain], at)
    }
    bytes[0] = flags
    for (const pane of panes) at = bytes.writeDoubleBE(pane, at)
    this.#parked.set(id, bytes.toString('latin1', 0, at))
  }

  delete(id: string): void {
    this.#parked.delete(id)
  }

  #decode(text: string): ParkedKey {
    if (text.length > this.#scratch.length) this.#scratch = Buffer.allocUnsafe(text.length * 2)
    const bytes = this.#scratch
    bytes.write(text, 'latin1')
    const due: Times = { event: NEVER, processing: NEVER }
    const queued: Times = { event: NEVER, processing: NEVER }
    let at = 1
    for (const [bit, domain] of DOMAINS.entries()) {
      if (((bytes[0] as number) & (1 << bit)) === 0) continue
      due[domain] = bytes.readDoubleBE(at)
      queued[domain] = bytes.readDoubleBE(at + 8)
      at += 16
    }
    const panes: number[] = []
    for (; at < text.length; at += 8) panes.push(bytes.readDoubleBE(at))
    return { due, queued, panes }
  }
}
