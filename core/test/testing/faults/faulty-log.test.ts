import { describe, expect, it } from 'vitest'
import type { Log, LogOutput, LogReader, LogWriter } from '../../../src/log/log.ts'
import { type MemoryLogProvider, memoryLog } from '../../../src/log/memory/index.ts'
import { silentLogger } from '../../../src/metrics/logger.ts'
import { type CrashMoment, faultyLog, WorkerFaults } from '../../../src/testing/faults/index.ts'
import { VirtualClock } from '../../../src/time/virtual-clock.ts'

const PARTITION = { topic: 'out', partition: 0 }
/** Longer than anything here takes. */
const LONG_MS = 5_000

class Setting {
  readonly clock = new VirtualClock()
  readonly provider: MemoryLogProvider = memoryLog({ clock: this.clock, latencyMs: 1 })

  constructor() {
    this.provider.storage.createTopic('out', 1)
  }

  log(faults: WorkerFaults): Log {
    return faultyLog(this.provider, faults).create({ clock: this.clock, logger: silentLogger })
  }

  /** What readers see of the topic, and the offset that goes with it. */
  get committed(): { values: (string | undefined)[]; offset: number | undefined } {
    const { storage } = this.provider
    return {
      values: storage.read('out').map(({ value }) => value?.toString()),
      offset: storage.committed('g', 'out', 0)?.offset,
    }
  }
}

function createWriter(log: Log, transactionalId: string | null = 'w'): LogWriter {
  const options = { transactionalId, transactionTimeoutMs: 60_000, maxBufferedBytes: 1e6, onAvailable: () => undefined }
  return log.createWriter(options)
}

function append(output: LogOutput, value: string): void {
  output.appendBytes(0, 0, null, Buffer.from(value))
}

/** Two epochs of a worker, each with one record and the offset that counts it. */
async function writeEpochs(log: Log): Promise<string> {
  const writer = createWriter(log)
  await writer.init()
  const [offset] = await log.committed('g', [PARTITION])
  const output = await writer.output('out')
  for (let epoch = (offset?.offset ?? 0) + 1; epoch <= 2; epoch++) {
    append(output, `epoch ${epoch}`)
    writer.seal()
    await writer.flush()
    await writer.commit('g', [{ ...PARTITION, offset: epoch, metadata: '' }])
  }
  await writer.close()
  return 'done'
}

const protocol = [
  'writer.init',
  'log.committed',
  'writer.output',
  'writer.flush',
  'writer.commit',
  'writer.flush',
  'writer.commit',
  'writer.close',
]

describe('faultyLog', () => {
  it('names every call in its order', async () => {
    const setting = new Setting()
    const faults = new WorkerFaults()
    const run = writeEpochs(setting.log(faults))
    await setting.clock.advanceBy(LONG_MS)
    expect(await run).toBe('done')
    expect(faults.calls).toEqual(protocol)
  })

  const crashes = protocol.flatMap((name, index) =>
    (['before', 'after'] as const).map((moment): [number, CrashMoment, string] => [index + 1, moment, name]),
  )

  it.each(crashes)('leaves whole epochs when the worker crashes at call %i, %s %s', async (call, moment) => {
    const setting = new Setting()
    const faults = new WorkerFaults()
    faults.crashAt(call, moment)
    let outcome = 'pending'
    writeEpochs(setting.log(faults)).then(
      (value) => {
        outcome = value
      },
      (error: Error) => {
        outcome = error.message
      },
    )
    await setting.clock.advanceBy(LONG_MS)
    expect([outcome, faults.state, faults.calls.length]).toEqual(['pending', 'crashed', call])
    const commits = protocol.slice(0, moment === 'after' ? call : call - 1).filter((name) => name === 'writer.commit')
    const expected = ['epoch 1', 'epoch 2'].slice(0, commits.length)
    expect(setting.committed).toEqual({ values: expected, offset: expected.length || undefined })

    const next = writeEpochs(setting.log(new WorkerFaults()))
    await setting.clock.advanceBy(LONG_MS)
    expect(await next).toBe('done')
    expect(setting.committed).toEqual({ values: ['epoch 1', 'epoch 2'], offset: 2 })
  })

  it('takes what a dead worker had only appended with it', async () => {
    const setting = new Setting()
    const faults = new WorkerFaults()
    const writer = createWriter(setting.log(faults), null)
    const opened = writer.init().then(() => writer.output('out'))
    await setting.clock.advanceBy(LONG_MS)
    const output = await opened
    append(output, 'written')
    await setting.clock.advanceBy(LONG_MS)
    append(output, 'in memory')
    faults.crash()
    append(output, 'after its death')
    await setting.clock.advanceBy(LONG_MS)
    expect(setting.committed.values).toEqual(['written'])
    expect(writer.isFull).toBe(true)
  })

  it('lets a zombie go on after its thaw, and the log refuse it', async () => {
    const setting = new Setting()
    const faults = new WorkerFaults()
    const writer = createWriter(setting.log(faults))
    const opened = writer.init().then(() => writer.output('out'))
    await setting.clock.advanceBy(LONG_MS)
    append(await opened, 'of the zombie')
    writer.seal()
    faults.freeze()
    const commit = writer.commit('g', [{ ...PARTITION, offset: 9, metadata: '' }]).catch((error: unknown) => error)
    const next = writeEpochs(setting.log(new WorkerFaults()))
    await setting.clock.advanceBy(LONG_MS)
    await next
    faults.thaw()
    await setting.clock.advanceBy(LONG_MS)
    expect(await commit).toMatchObject({ code: 'FENCED' })
    expect(setting.committed).toEqual({ values: ['epoch 1', 'epoch 2'], offset: 2 })
  })
})

describe('a reader of faultyLog', () => {
  interface Reading {
    readonly setting: Setting
    readonly faults: WorkerFaults
    readonly reader: LogReader
    readonly calls: { count: number }
  }

  /** A reader that has asked in vain, before two records are written. */
  async function waiting(): Promise<Reading> {
    const setting = new Setting()
    const faults = new WorkerFaults()
    const calls = { count: 0 }
    const reader = setting.log(faults).createReader({ maxBufferedBytes: 1e6, onAvailable: () => calls.count++ })
    reader.add([{ ...PARTITION, offset: 0 }])
    await setting.clock.advanceBy(LONG_MS)
    expect(reader.take()).toBeUndefined()
    calls.count = 0
    return { setting, faults, reader, calls }
  }

  function write({ provider }: Setting): void {
    provider.storage.write('out', 0, [{ value: Buffer.from('one'), timestamp: 0 }])
    provider.storage.write('out', 0, [{ value: Buffer.from('two'), timestamp: 0 }])
  }

  it('numbers deliveries, and none where there was nothing', async () => {
    const { setting, faults, reader, calls } = await waiting()
    write(setting)
    await setting.clock.advanceBy(LONG_MS)
    expect(calls.count).toBe(1)
    expect([reader.take()?.nextOffset, reader.take()?.nextOffset, reader.take()]).toEqual([1, 2, undefined])
    expect(faults.calls).toEqual(['reader.take', 'reader.take'])
  })

  it('crashes at a delivery, of which the worker sees nothing', async () => {
    const { setting, faults, reader, calls } = await waiting()
    faults.crashAt(2, 'after')
    write(setting)
    await setting.clock.advanceBy(LONG_MS)
    expect([reader.take()?.nextOffset, reader.take(), faults.state]).toEqual([1, undefined, 'crashed'])
    write(setting)
    await setting.clock.advanceBy(LONG_MS)
    expect([calls.count, reader.take()]).toEqual([1, undefined])
  })

  it('holds deliveries back while the worker is frozen, and tells it at the thaw', async () => {
    const { setting, faults, reader, calls } = await waiting()
    faults.freeze()
    write(setting)
    await setting.clock.advanceBy(LONG_MS)
    expect(calls.count).toBe(0)
    faults.thaw()
    await setting.clock.advanceBy(LONG_MS)
    expect(calls.count).toBe(1)
    expect(reader.take()?.nextOffset).toBe(1)
  })

  it('tells a worker at the thaw that asked for a batch while it froze', async () => {
    const { setting, faults, reader, calls } = await waiting()
    write(setting)
    await setting.clock.advanceBy(LONG_MS)
    const before = calls.count
    faults.freeze()
    expect([reader.take(), reader.take()]).toEqual([undefined, undefined])
    faults.thaw()
    expect(calls.count).toBe(before + 1)
    expect(reader.take()?.nextOffset).toBe(1)
  })
})

describe('a group member of faultyLog', () => {
  interface Joined {
    readonly assigned: string[]
    readonly lost: unknown[]
  }

  function join(log: Log): Joined {
    const joined: Joined = { assigned: [], lost: [] }
    const joining = log.join({
      group: 'g',
      topics: [],
      metadata: () => Buffer.alloc(0),
      assign: (members) =>
        members.map(({ memberId }) => ({
          memberId,
          assignment: Buffer.from(`1 of ${members.length}`),
          partitions: [],
        })),
      onAssigned: (assignment) => joined.assigned.push(Buffer.from(assignment).toString()),
      onLost: (reason) => joined.lost.push(reason),
      sessionTimeoutMs: 300,
      heartbeatIntervalMs: 50,
      rebalanceTimeoutMs: 400,
    })
    joining.catch((error: unknown) => joined.lost.push(error))
    return joined
  }

  it('stops its heartbeats when the worker crashes, and hears nothing more', async () => {
    const setting = new Setting()
    const faults = new WorkerFaults()
    const dying = join(setting.log(faults))
    const other = join(setting.log(new WorkerFaults()))
    await setting.clock.advanceBy(LONG_MS)
    expect([dying.assigned.at(-1), other.assigned.at(-1)]).toEqual(['1 of 2', '1 of 2'])
    faults.crash()
    const heard = dying.assigned.length
    await setting.clock.advanceBy(LONG_MS)
    expect(other.assigned.at(-1)).toBe('1 of 1')
    expect([dying.assigned.length, dying.lost]).toEqual([heard, []])
  })

  it('finds its membership lost when it thaws, and joins again', async () => {
    const setting = new Setting()
    const faults = new WorkerFaults()
    const zombie = join(setting.log(faults))
    const other = join(setting.log(new WorkerFaults()))
    await setting.clock.advanceBy(LONG_MS)
    faults.freeze()
    await setting.clock.advanceBy(LONG_MS)
    expect([other.assigned.at(-1), zombie.lost]).toEqual(['1 of 1', []])
    faults.thaw()
    await setting.clock.advanceBy(LONG_MS)
    expect(zombie.lost).toHaveLength(1)
    expect([zombie.assigned.at(-1), other.assigned.at(-1)]).toEqual(['1 of 2', '1 of 2'])
  })
})
