import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { booleanSignal, numberSignal, type Signal, type SignalValue } from '../../../src/operator/signal/signal.ts'
import { SignalCombiner } from '../../../src/operator/signal/signal-combiner.ts'

/** A combiner and what it tells. */
class Combining {
  readonly told: SignalValue[] = []
  readonly #brought: readonly (readonly Signal[])[]
  readonly #signal: Signal
  combiner: SignalCombiner

  constructor(signal: Signal, channels: number, brings: readonly number[] = [...Array(channels).keys()]) {
    this.#signal = signal
    this.#brought = Array.from({ length: channels }, (_, at) => (brings.includes(at) ? [signal] : []))
    this.combiner = this.#create()
  }

  say(channel: number, value: SignalValue): void {
    this.combiner.onSignal(channel, this.#signal, value)
  }

  restart(): void {
    const stored = this.combiner.snapshot()
    this.combiner = this.#create()
    if (stored !== null) this.combiner.restore(structuredClone(stored))
  }

  #create(): SignalCombiner {
    return new SignalCombiner(this.#brought, (_, value) => this.told.push(value))
  }
}

const least = numberSignal('least', { combine: 'min' })
const greatest = numberSignal('greatest', { combine: 'max' })
const all = booleanSignal('all', { combine: 'and' })
const any = booleanSignal('any', { combine: 'or' })

describe('signals behind several channels', () => {
  it('are told when their combined value changes', () => {
    const combining = new Combining(greatest, 2)
    combining.say(0, 3)
    combining.say(1, 2)
    combining.say(1, 5)
    combining.say(0, 5)
    expect(combining.told).toEqual([3, 5])
  })

  it('may fall as well as rise', () => {
    const combining = new Combining(least, 2)
    combining.say(0, 3)
    combining.say(1, 2)
    combining.say(1, 5)
    combining.say(0, 1)
    expect(combining.told).toEqual([2, 3, 1])
  })

  it('wait for all channels by default where the least or all of them count', () => {
    const combining = new Combining(all, 3)
    combining.say(0, true)
    combining.say(1, true)
    expect(combining.told).toEqual([])
    combining.say(2, true)
    expect(combining.told).toEqual([true])
  })

  it('wait for nobody where one is enough, unless they are told to', () => {
    const patient = new Combining(booleanSignal('patient', { combine: 'or', waitForAll: true }), 2)
    const hasty = new Combining(any, 2)
    for (const combining of [patient, hasty]) combining.say(0, true)
    expect([patient.told, hasty.told]).toEqual([[], [true]])
  })

  it('do not wait for a channel that is idle, or that they cannot come on', () => {
    const combining = new Combining(least, 3, [0, 1])
    combining.say(0, 7)
    combining.say(2, 1)
    expect(combining.told).toEqual([])
    combining.combiner.onIdle(1, true)
    expect(combining.told).toEqual([7])
  })

  it('are not held back by a channel that has ended, and keep what it has said', () => {
    const [held, kept] = [new Combining(least, 2), new Combining(greatest, 2)]
    for (const combining of [held, kept]) {
      combining.say(0, 4)
      combining.say(1, 9)
      combining.combiner.onEnd(0, 2)
    }
    kept.combiner.onEnd(1, 2)
    kept.combiner.onEnd(0, 2)
    expect([held.told, kept.told]).toEqual([
      [4, 9],
      [4, 9],
    ])
  })

  it('count when they are said at the end of the records, by functions whose input has ended', () => {
    const combining = new Combining(all, 2)
    for (const channel of [0, 1]) combining.combiner.onEnd(channel, 1)
    combining.say(0, true)
    combining.restart()
    combining.combiner.onEnd(0, 1)
    combining.say(1, false)
    combining.combiner.onEnd(1, 2)
    expect(combining.told).toEqual([true, false, true])
  })

  it('stay as they are when all channels have ended', () => {
    const combining = new Combining(least, 1)
    combining.say(0, 4)
    combining.combiner.onEnd(0, 2)
    expect(combining.told).toEqual([4])
  })

  const event = fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constant('say'), fc.nat(3), fc.nat(4)) },
    fc.tuple(fc.constant('end'), fc.nat(3), fc.constantFrom(1, 2)),
    fc.tuple(fc.constant('idle'), fc.nat(3), fc.nat(1)),
    fc.tuple(fc.constant('restart'), fc.constant(0), fc.constant(0)),
  )

  it('say what a look at all channels gives after each event, also over restarts', () => {
    const combination = fc.constantFrom('min' as const, 'max' as const, 'and' as const, 'or' as const)
    fc.assert(
      fc.property(combination, fc.boolean(), fc.array(event, { maxLength: 40 }), (combine, waitForAll, events) => {
        const signal: Signal =
          combine === 'min' || combine === 'max'
            ? numberSignal('it', { combine, waitForAll })
            : booleanSignal('it', { combine, waitForAll })
        const combining = new Combining(signal, 4)
        const channels = Array.from({ length: 4 }, () => ({
          said: [] as SignalValue[],
          end: 0,
          ended: false,
          idle: false,
        }))
        const expected: SignalValue[] = []
        for (const [kind, at, argument] of events) {
          const channel = channels[at] as (typeof channels)[number]
          const value = signal.kind === 'number' ? argument : argument % 2 === 1
          if (kind === 'say') {
            // Nothing comes behind the end of all; behind the last record something may be said.
            if (channel.end === 2) continue
            channel.ended = false
            channel.said.push(value)
            combining.say(at, value)
          } else if (kind === 'end') {
            if (argument > channel.end) {
              channel.end = argument
              channel.ended = true
            }
            combining.combiner.onEnd(at, argument === 1 ? 1 : 2)
          } else if (kind === 'idle') {
            channel.idle = argument === 1
            combining.combiner.onIdle(at, channel.idle)
          } else {
            combining.restart()
            for (const one of channels) one.idle = false
            // The inputs of a task tell their ends again.
            for (const [index, { end }] of channels.entries()) {
              if (end > 0) combining.combiner.onEnd(index, end === 1 ? 1 : 2)
            }
          }
          const seen = wholeView(signal, channels)
          if (seen !== null && seen !== expected.at(-1)) expected.push(seen)
          expect(combining.told).toEqual(expected)
        }
      }),
      { numRuns: 300 },
    )
  })
})

function wholeView(
  { combine, waitForAll }: Signal,
  channels: readonly { readonly said: readonly SignalValue[]; readonly ended: boolean; readonly idle: boolean }[],
): SignalValue | null {
  const silent = channels.filter(({ said, ended, idle }) => said.length === 0 && !ended && !idle)
  if (waitForAll && silent.length > 0) return null
  const counting = channels.filter(({ ended }) => !ended || combine === 'max' || combine === 'or')
  const values = counting.flatMap(({ said }) => said.slice(-1))
  if (values.length === 0) return null
  if (combine === 'min') return Math.min(...(values as number[]))
  if (combine === 'max') return Math.max(...(values as number[]))
  return combine === 'and' ? values.every(Boolean) : values.some(Boolean)
}
