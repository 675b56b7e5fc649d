import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { PollStatus, Source, SplitReader, SplitReaderContext } from '../../connector/source.ts'
import { NO_TIMESTAMP } from '../../operator/operator.ts'
import type { ContractCase } from './contract-case.ts'

export interface SourceUnderTest<T, Position> {
  /** A new source over the same data; it is asked for one for each case, and for another one where a restart is meant. */
  readonly create: () => Source<T, Position>
  /** How many records to read of a split that does not end by itself. @default 100 */
  readonly recordsPerSplit?: number
}

interface Read<T> {
  readonly value: T
  readonly timestamp: number
}

/** A poll that never got anything this long after `wait` hangs, in ms. */
const PATIENCE_MS = 10_000

/**
 * What the engine relies on in a source. Run every case with your test runner:
 *
 * @example
 * for (const { name, check } of sourceContract({ create: () => files('in/*.csv') })) it(name, check)
 */
export function sourceContract<T, Position>(under: SourceUnderTest<T, Position>): readonly ContractCase[] {
  const most = under.recordsPerSplit ?? 100
  const each = async (check: (source: Source<T, Position>, split: number) => Promise<void>): Promise<void> => {
    const source = under.create()
    for (let split = 0; split < source.splits(); split++) await check(source, split)
  }
  /** What a split gives from a position, in polls of `budget` records. */
  const read = async (
    source: Source<T, Position>,
    split: number,
    position: Position | null,
    { count = most, budget = 7 }: { readonly count?: number; readonly budget?: number } = {},
  ): Promise<{ readonly records: Read<T>[]; readonly position: Position; readonly hasEnded: boolean }> => {
    const opened = new OpenedSplit(source, split, position)
    const hasEnded = await opened.readUpTo(count, budget)
    const result = { records: opened.records, position: structuredClone(opened.reader.position()), hasEnded }
    await opened.reader.close()
    return result
  }

  const cases: ContractCase[] = [
    {
      name: 'has the same number of splits whenever it is asked, one or more',
      async check() {
        const splits = under.create().splits()
        assert.ok(Number.isSafeInteger(splits) && splits >= 1, `splits() gave ${splits}`)
        assert.equal(under.create().splits(), splits)
      },
    },
    {
      name: 'gives at most as many records as a poll asks for',
      check: () =>
        each(async (source, split) => {
          for (const budget of [1, 2, 1_000]) await read(source, split, null, { budget })
        }),
    },
    {
      name: 'gives records with a timestamp in milliseconds, or with none',
      check: () =>
        each(async (source, split) => {
          for (const { value, timestamp } of (await read(source, split, null)).records) {
            assert.ok(
              timestamp === NO_TIMESTAMP || Number.isFinite(timestamp),
              `the record ${JSON.stringify(value)} has the timestamp ${timestamp}`,
            )
          }
        }),
    },
    {
      name: 'leaves a position alone that it has given',
      check: () =>
        each(async (source, split) => {
          const opened = new OpenedSplit(source, split, null)
          const given: { readonly position: Position; readonly copy: Position }[] = []
          for (let count = 0; count < Math.min(most, 10); count++) {
            if (await opened.readUpTo(count, 1)) break
            const position = opened.reader.position()
            given.push({ position, copy: structuredClone(position) })
          }
          for (const { position, copy } of given) assert.deepEqual(position, copy)
          await opened.reader.close()
        }),
    },
    {
      name: 'can be closed before anything was read',
      check: () =>
        each(async (source, split) => {
          await new OpenedSplit(source, split, null).reader.close()
        }),
    },
  ]

  const { bounded, replayable } = under.create()
  if (replayable) {
    cases.push(
      {
        name: 'gives the same records each time it is read',
        check: () =>
          each(async (source, split) => {
            const first = await read(source, split, null)
            const again = await read(under.create(), split, null, { budget: 3 })
            assert.deepEqual(valuesOf(again.records), valuesOf(first.records))
          }),
      },
      {
        name: 'goes on from any position with the record after the last one',
        check: () =>
          each(async (source, split) => {
            const whole = valuesOf((await read(source, split, null)).records)
            for (let count = 0; count <= whole.length; count += 1 + Math.floor(whole.length / 20)) {
              const before = await read(under.create(), split, null, { count })
              const rest = await read(under.create(), split, before.position, { count: whole.length - count })
              assert.deepEqual([...valuesOf(before.records), ...valuesOf(rest.records)], whole, `cut after ${count}`)
            }
          }),
      },
    )
  }
  if (bounded) {
    cases.push({
      name: 'ends, stays ended, and has nothing left after a restart',
      check: () =>
        each(async (source, split) => {
          const whole = await read(source, split, null, { count: Number.POSITIVE_INFINITY })
          assert.ok(whole.hasEnded)
          if (!replayable) return
          const rest = await read(under.create(), split, whole.position, { count: 1 })
          assert.deepEqual(rest.records, [])
          assert.ok(rest.hasEnded, 'opened at its end, it did not end again')
        }),
    })
  }
  return cases
}

/** Reads a split as a task does: polls while there is something, else waits to be woken. */
class OpenedSplit<T, Position> {
  readonly reader: SplitReader<T, Position>
  readonly records: Read<T>[] = []
  #isWoken = false

  constructor(source: Source<T, Position>, split: number, position: Position | null) {
    const context: SplitReaderContext = {
      index: 0,
      parallelism: 1,
      now: Date.now,
      onAvailable: () => {
        this.#isWoken = true
      },
      setTimer(delayMs, callback) {
        const timer = setTimeout(callback, delayMs)
        return () => clearTimeout(timer)
      },
      emitSignal() {},
    }
    this.reader = source.open(split, position, context)
  }

  /** Until so many records are there in all; true when the split has ended before. */
  async readUpTo(count: number, most: number): Promise<boolean> {
    while (this.records.length < count) {
      const budget = Math.min(most, count - this.records.length)
      const status = this.#poll(budget)
      if (status === 'end') return true
      if (status === 'wait') await this.#wake()
    }
    return false
  }

  #poll(budget: number): PollStatus {
    this.#isWoken = false
    let given = 0
    const status = this.reader.poll((value, timestamp) => {
      given++
      this.records.push({ value, timestamp })
    }, budget)
    assert.ok(given <= budget, `a poll for ${budget} records gave ${given}`)
    return status
  }

  async #wake(): Promise<void> {
    const until = Date.now() + PATIENCE_MS
    while (!this.#isWoken) {
      assert.ok(Date.now() < until, `poll said 'wait', and onAvailable was not called for ${PATIENCE_MS} ms`)
      await delay(1)
    }
  }
}

function valuesOf<T>(records: readonly Read<T>[]): T[] {
  return records.map(({ value }) => value)
}
