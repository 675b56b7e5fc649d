import type { RoundMark, Tally } from './round.ts'

/** How far each of several channels has come in the rounds of a loop; part of an epoch. */
export interface AlignedRounds {
  readonly started: number
  readonly passed: number
  /** The round whose end each channel has brought; -1 before any, 'over' when none follows. */
  readonly ends: readonly (number | 'over')[]
  readonly outside: readonly boolean[]
  readonly tallies: readonly (readonly Tally[])[]
  readonly round: number
}

/**
 * The marks of rounds behind several channels (inputs of an operator, tasks that write to one): a round begins with the first
 * channel on which it does, and has ended when it has on all of them. A channel from outside the loop brings no marks: once it
 * has ended itself, nobody waits for it, so a first round begins behind all that a loop is to know before.
 *
 * No channel can be a round ahead, since a round begins when the one before has come round the loop on all of them.
 */
export class RoundAlignment {
  #started = -1
  #passed = -1
  /** Infinity when the loop is over. */
  #ends: number[]
  #outside: boolean[]
  #tallies: (readonly Tally[])[]
  #round = 0

  constructor(channels: number) {
    this.#ends = new Array<number>(channels).fill(-1)
    this.#outside = new Array<boolean>(channels).fill(false)
    this.#tallies = Array.from({ length: channels }, () => [])
  }

  /** The mark that goes on, if one does. */
  onMark(channel: number, mark: RoundMark): RoundMark | null {
    if (mark.kind === 'start') {
      if (mark.round <= this.#started) return null
      this.#started = mark.round
      return mark
    }
    this.#round = mark.round
    this.#ends[channel] = mark.kind === 'over' ? Number.POSITIVE_INFINITY : mark.round
    this.#tallies[channel] = mark.kind === 'end' ? mark.tallies : []
    return this.#pass()
  }

  /** The channel has come to its end. If it is of the loop that says nothing new. */
  onEnd(channel: number): RoundMark | null {
    if (this.#outside[channel] === true) return null
    this.#outside[channel] = true
    return this.#pass()
  }

  /** Null while there is nothing to remember. */
  snapshot(): AlignedRounds | null {
    if (this.#started < 0 && this.#ends.every((end) => end < 0)) return null
    return {
      started: this.#started,
      passed: this.#passed === Number.POSITIVE_INFINITY ? -2 : this.#passed,
      ends: this.#ends.map((end) => (end === Number.POSITIVE_INFINITY ? 'over' : end)),
      outside: [...this.#outside],
      tallies: [...this.#tallies],
      round: this.#round,
    }
  }

  restore({ started, passed, ends, outside, tallies, round }: AlignedRounds): void {
    this.#started = started
    this.#passed = passed === -2 ? Number.POSITIVE_INFINITY : passed
    this.#ends = ends.map((end) => (end === 'over' ? Number.POSITIVE_INFINITY : end))
    this.#outside = [...outside]
    this.#tallies = [...tallies]
    this.#round = round
  }

  #pass(): RoundMark | null {
    let least = Number.POSITIVE_INFINITY
    let isInLoop = false
    for (let channel = 0; channel < this.#ends.length; channel++) {
      const end = this.#ends[channel] as number
      if (end < 0 && this.#outside[channel] === true) continue
      isInLoop = true
      least = Math.min(least, end)
    }
    if (!isInLoop || least <= this.#passed) return null
    this.#passed = least
    const round = this.#round
    if (least === Number.POSITIVE_INFINITY) return { kind: 'over', round }
    return { kind: 'end', round: least, tallies: this.#tallies.flat() }
  }
}
