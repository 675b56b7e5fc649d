import type { Signal, SignalCombination, SignalValue } from './signal.ts'

/** What the channels have said, as kept with an epoch; null for nothing. */
export interface StoredCombination {
  readonly ended: readonly boolean[]
  readonly ends: readonly ChannelEnd[]
  readonly signals: Readonly<
    Record<string, { readonly said: readonly (SignalValue | null)[]; readonly told: SignalValue | null }>
  >
}

/** How far a channel has come to its end: 1 when no record follows, 2 when nothing does. */
type ChannelEnd = 0 | 1 | 2

/** One signal behind several channels. */
interface Combined {
  readonly signal: Signal
  /** The channels that it can come on. */
  readonly channels: readonly number[]
  /** By channel. */
  readonly said: (SignalValue | null)[]
  told: SignalValue | null
}

/**
 * The signals behind several channels (partitions or splits of a source, tasks that write to an exchange, inputs of an operator): tells the
 * combined value of each when it changes. A channel that has ended holds nobody back (`min`, `and`), and what it has said stays (`max`,
 * `or`); functions may still say something when their input has ended, which counts until they have. What was told is part of the epoch, so that nothing is told twice after a restart.
 */
export class SignalCombiner {
  readonly #combined = new Map<string, Combined>()
  /** By channel. */
  readonly #ends: ChannelEnd[]
  /** Whether it has ended and said nothing since. */
  readonly #ended: boolean[]
  readonly #idle: boolean[]
  readonly #tell: (signal: Signal, value: SignalValue) => void

  /** `brought` holds, for each channel, the signals that can come on it; nobody waits for others. */
  constructor(brought: readonly (readonly Signal[])[], tell: (signal: Signal, value: SignalValue) => void) {
    this.#tell = tell
    this.#ends = brought.map(() => 0)
    this.#ended = brought.map(() => false)
    this.#idle = brought.map(() => false)
    for (const signal of brought.flat()) {
      if (this.#combined.has(signal.name)) continue
      const channels = [...brought.keys()].filter((at) => brought[at]?.some(({ name }) => name === signal.name))
      this.#combined.set(signal.name, { signal, channels, said: brought.map(() => null), told: null })
    }
  }

  onSignal(channel: number, { name }: Signal, value: SignalValue): void {
    const combined = this.#combined.get(name)
    if (combined?.channels.includes(channel) !== true) return
    combined.said[channel] = value
    this.#ended[channel] = false
    this.#update(combined)
  }

  onIdle(channel: number, idle: boolean): void {
    if (this.#idle[channel] === idle) return
    this.#idle[channel] = idle
    if (idle) this.#updateAll()
  }

  /** An end that is known, also from before a restart, is none. */
  onEnd(channel: number, end: 1 | 2): void {
    if (end <= (this.#ends[channel] ?? 0)) return
    this.#ends[channel] = end
    this.#ended[channel] = true
    this.#updateAll()
  }

  /** The value that was told last. */
  told(signal: Signal): SignalValue | null {
    return this.#combined.get(signal.name)?.told ?? null
  }

  /** Null while nobody has said anything. */
  snapshot(): StoredCombination | null {
    const spoken = [...this.#combined.values()].filter(({ said }) => said.some((value) => value !== null))
    if (spoken.length === 0) return null
    const signals = spoken.map(({ signal, said, told }) => [signal.name, { said: [...said], told }] as const)
    return { ended: [...this.#ended], ends: [...this.#ends], signals: Object.fromEntries(signals) }
  }

  /** Channels that have come since are new, and have said nothing. */
  restore({ ended, ends, signals }: StoredCombination): void {
    for (let channel = 0; channel < this.#ended.length; channel++) {
      this.#ended[channel] = ended[channel] ?? false
      this.#ends[channel] = ends[channel] ?? 0
    }
    for (const [name, stored] of Object.entries(signals)) {
      // A signal that the job does not have any more is nobody's.
      const combined = this.#combined.get(name)
      if (combined === undefined) continue
      combined.told = stored.told
      for (const channel of combined.channels) combined.said[channel] = stored.said[channel] ?? null
    }
  }

  #updateAll(): void {
    for (const combined of this.#combined.values()) this.#update(combined)
  }

  #update(combined: Combined): void {
    const value = this.#valueOf(combined)
    if (value === null || value === combined.told) return
    combined.told = value
    this.#tell(combined.signal, value)
  }

  #valueOf({ signal: { combine, waitForAll }, channels, said }: Combined): SignalValue | null {
    const endedCount = combine === 'max' || combine === 'or'
    let value: SignalValue | null = null
    for (const channel of channels) {
      const own = said[channel] ?? null
      const hasEnded = this.#ended[channel] === true
      if (own === null) {
        if (waitForAll && !hasEnded && this.#idle[channel] !== true) return null
      } else if (!hasEnded || endedCount) value = value === null ? own : merge(combine, value, own)
    }
    return value
  }
}

function merge(combine: SignalCombination, left: SignalValue, right: SignalValue): SignalValue {
  switch (combine) {
    case 'min':
      return Math.min(left as number, right as number)
    case 'max':
      return Math.max(left as number, right as number)
    case 'and':
      return left && right
    case 'or':
      return left || right
  }
}
