import assert from 'node:assert/strict'
import type { Sink, SinkContext, SinkWriter } from '../../connector/sink.ts'
import type { ContractCase } from './contract-case.ts'

export interface SinkUnderTest<T, Committable> {
  /** A sink onto the target; asked for another one where a restart is meant. */
  readonly create: () => Sink<T, Committable>
  /** Empties the target; before each case. */
  readonly clear: () => Promise<void>
  /** What a reader of the target sees, in any order. */
  readonly read: () => Promise<readonly T[]>
  /** At least four records that differ, in whatever makes a sink's writes idempotent too. */
  readonly records: readonly T[]
}

/**
 * What the engine relies on in a sink, for the guarantee that it names. Run every case with your test runner:
 *
 * @example
 * for (const { name, check } of sinkContract({ create, clear, read, records })) it(name, check)
 */
export function sinkContract<T, Committable>(under: SinkUnderTest<T, Committable>): readonly ContractCase[] {
  assert.ok(under.records.length >= 4, 'the contract needs four records or more')
  const half = Math.floor(under.records.length / 2)
  const target: Target<T, Committable> = {
    ...under,
    early: under.records.slice(0, half),
    late: under.records.slice(half),
    open: () => under.create().open(sinkContext()),
    async sees(records, message) {
      const order = (values: readonly T[]): string[] => values.map((value) => JSON.stringify(value)).sort()
      assert.deepEqual(order(await under.read()), order(records), message)
    },
  }
  const { guarantee } = under.create()
  const cases = guarantee === 'two-phase' ? twoPhase(target) : writeThrough(target)
  if (guarantee === 'idempotent') cases.push(writtenTwice(target))
  return cases.map(({ name, check }) => ({
    name,
    async check() {
      await under.clear()
      await check()
    },
  }))
}

interface Target<T, Committable> extends SinkUnderTest<T, Committable> {
  readonly early: readonly T[]
  readonly late: readonly T[]
  open(): Promise<SinkWriter<T, Committable>>
  sees(records: readonly T[], message: string): Promise<void>
}

function writeThrough<T, Committable>({ open, sees, early, late, records }: Target<T, Committable>): ContractCase[] {
  return [
    {
      name: 'has written all that it took when a flush is done',
      async check() {
        const writer = await open()
        await take(writer, early)
        await writer.flush()
        await sees(early, 'after the first flush')
        await take(writer, late)
        await writer.flush()
        await sees(records, 'after the second flush')
        await writer.close()
      },
    },
    {
      name: 'takes records while a flush is under way, for the next one',
      async check() {
        const writer = await open()
        await take(writer, early)
        const flushed = writer.flush()
        await take(writer, late)
        await flushed
        await writer.flush()
        await sees(records, 'after both flushes')
        await writer.close()
      },
    },
    {
      name: 'has nothing to flush when it took nothing',
      async check() {
        const writer = await open()
        await writer.flush()
        await sees([], 'after an empty flush')
        await writer.close()
      },
    },
  ]
}

function writtenTwice<T, Committable>({ open, sees, records }: Target<T, Committable>): ContractCase {
  return {
    name: 'has the same effect when the same records are written again after a crash',
    async check() {
      for (const round of ['once', 'twice']) {
        const writer = await open()
        await take(writer, records)
        await writer.flush()
        await sees(records, `written ${round}`)
        await writer.close()
      }
    },
  }
}

function twoPhase<T, Committable>({ open, sees, early, late, records }: Target<T, Committable>): ContractCase[] {
  return [
    {
      name: 'shows an epoch when that is committed, and not before',
      async check() {
        const writer = await open()
        await take(writer, early)
        const committables = await prepare(writer, 1)
        await sees([], 'prepared, and not committed')
        await commit(writer, committables)
        await sees(early, 'committed')
        await writer.close()
      },
    },
    {
      name: 'keeps what it takes after a barrier for the next epoch',
      async check() {
        const writer = await open()
        await take(writer, early)
        const preparing = prepare(writer, 1)
        await take(writer, late)
        await commit(writer, await preparing)
        await sees(early, 'after the first commit')
        await commit(writer, await prepare(writer, 2))
        await sees(records, 'after the second commit')
        await writer.close()
      },
    },
    {
      name: 'may be told to commit an epoch again, also by another writer after a crash',
      async check() {
        const crashed = await open()
        await take(crashed, early)
        // As they come back from where the epoch is stored.
        const committables = structuredClone(await prepare(crashed, 1))
        const writer = await open()
        await commit(writer, committables)
        await sees(early, 'committed by another writer')
        await commit(writer, committables)
        await commit(crashed, committables)
        await sees(early, 'committed three times')
        await writer.close()
        await crashed.close()
      },
    },
    {
      name: 'shows nothing of an epoch that was never decided, and goes on with it written again',
      async check() {
        const crashed = await open()
        await take(crashed, early)
        await prepare(crashed, 1)
        await crashed.close()
        const writer = await open()
        await take(writer, early)
        const committables = await prepare(writer, 1)
        await sees([], 'prepared twice, and not committed')
        await commit(writer, committables)
        await sees(early, 'committed once')
        await writer.close()
      },
    },
  ]
}

async function take<T, Committable>(writer: SinkWriter<T, Committable>, records: readonly T[]): Promise<void> {
  for (const record of records) {
    // A full writer may be given a record all the same: what a batch of the input holds is processed to its end.
    writer.write(record, Date.now())
  }
}

function prepare<T, Committable>(writer: SinkWriter<T, Committable>, epoch: number): Promise<readonly Committable[]> {
  assert.ok(writer.prepareCommit, 'a two-phase sink needs prepareCommit and commit')
  return writer.prepareCommit(epoch)
}

async function commit<T, Committable>(
  writer: SinkWriter<T, Committable>,
  committables: readonly Committable[],
): Promise<void> {
  assert.ok(writer.commit, 'a two-phase sink needs prepareCommit and commit')
  await writer.commit(committables)
}

function sinkContext(): SinkContext {
  return {
    job: 'contract',
    operator: 'sink',
    index: 0,
    parallelism: 1,
    onAvailable() {},
    now: Date.now,
    setTimer(delayMs, callback) {
      const timer = setTimeout(callback, delayMs)
      return () => clearTimeout(timer)
    },
  }
}
