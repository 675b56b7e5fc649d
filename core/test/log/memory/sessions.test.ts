import { describe, expect, it } from 'vitest'
import type { GroupMember, Log, LogWriter } from '../../../src/log/log.ts'
import { type MemoryLogProvider, memoryLog } from '../../../src/log/memory/index.ts'
import { silentLogger } from '../../../src/metrics/logger.ts'
import { WorkerClock } from '../../../src/testing/simulation/worker-clock.ts'
import { sleep, systemClock } from '../../../src/time/clock.ts'
import { VirtualClock } from '../../../src/time/virtual-clock.ts'

const SESSION_MS = 300
const REBALANCE_MS = 1_000

/** A log in virtual time, and clients each with a process of its own; `wire` says how long the next messages take. */
function setting(): {
  clock: VirtualClock
  provider: MemoryLogProvider
  wire: { latencyMs: number }
  client: (worker?: WorkerClock) => Log
} {
  const clock = new VirtualClock()
  const wire = { latencyMs: 1 }
  const provider = memoryLog({ clock, latencyMs: () => wire.latencyMs })
  provider.storage.createTopic('t', 1)
  return {
    clock,
    provider,
    wire,
    client: (worker = new WorkerClock(clock)) => provider.create({ clock: worker, logger: silentLogger }),
  }
}

interface Joined {
  readonly assigned: string[]
  readonly lost: unknown[]
  member: GroupMember | null
}

/** Joins; the leader gives every member the number of members. */
function join(log: Log): Joined {
  const joined: Joined = { assigned: [], lost: [], member: null }
  void log
    .join({
      group: 'g',
      topics: ['t'],
      metadata: () => Buffer.from('m'),
      assign: (members) =>
        members.map(({ memberId }) => ({
          memberId,
          assignment: Buffer.from(`1 of ${members.length}`),
          partitions: [],
        })),
      onAssigned: (assignment) => joined.assigned.push(Buffer.from(assignment).toString()),
      onLost: (reason) => joined.lost.push(reason),
      sessionTimeoutMs: SESSION_MS,
      heartbeatIntervalMs: 100,
      rebalanceTimeoutMs: REBALANCE_MS,
    })
    .then((member) => {
      joined.member = member
    })
  return joined
}

describe('sessions of the memory log', () => {
  it('puts out a member that stays silent, also the leader, and tells the others their new assignment', async () => {
    const { clock, client } = setting()
    const faults = new WorkerClock(clock)
    const leader = join(client(faults))
    const other = join(client())
    await clock.advanceBy(REBALANCE_MS)
    expect([leader.assigned.at(-1), other.assigned.at(-1)]).toEqual(['1 of 2', '1 of 2'])
    faults.crash()
    await clock.advanceBy(SESSION_MS / 2)
    expect(other.assigned.at(-1)).toBe('1 of 2')
    await clock.advanceBy(SESSION_MS)
    expect(other.assigned.at(-1)).toBe('1 of 1')
    expect([other.lost, leader.lost, leader.assigned.at(-1)]).toEqual([[], [], '1 of 2'])
  })

  it('keeps a member as long as its heartbeats come', async () => {
    const { clock, client } = setting()
    const only = join(client())
    await clock.advanceBy(100 * SESSION_MS)
    expect([only.assigned, only.lost]).toEqual([['1 of 1'], []])
  })

  it('tells a member that slept through its session that it was lost, and takes it in again', async () => {
    const { clock, client } = setting()
    const faults = new WorkerClock(clock)
    const sleeper = join(client(faults))
    const other = join(client())
    await clock.advanceBy(REBALANCE_MS)
    const before = sleeper.member?.memberId
    faults.freeze()
    await clock.advanceBy(2 * SESSION_MS)
    expect(other.assigned.at(-1)).toBe('1 of 1')
    const late = sleeper.member?.commitOffsets([{ topic: 't', partition: 0, offset: 5, metadata: 'late' }])
    const refused = expect(late).rejects.toMatchObject({ code: 'FENCED' })
    faults.thaw()
    await clock.advanceBy(REBALANCE_MS)
    await refused
    expect(sleeper.lost).toHaveLength(1)
    expect(sleeper.member?.memberId).not.toBe(before)
    expect([sleeper.assigned.at(-1), other.assigned.at(-1)]).toEqual(['1 of 2', '1 of 2'])
  })

  it('keeps a member that could not be heard because the process stood still', async () => {
    const log = memoryLog().create({ clock: systemClock, logger: silentLogger })
    const only = join(log)
    while (only.assigned.length === 0) await sleep(systemClock, 10)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * SESSION_MS)
    await sleep(systemClock, SESSION_MS)
    expect([only.assigned, only.lost]).toEqual([['1 of 1'], []])
    await only.member?.leave()
    await log.close()
  })

  it('goes on without a member that does not join again within the rebalance timeout', async () => {
    const clock = new VirtualClock()
    const { storage } = memoryLog({ clock })
    const group = storage.group('g')
    const request = { metadata: Buffer.from('m'), sessionTimeoutMs: 1e9, rebalanceTimeoutMs: REBALANCE_MS }
    await group.join({ ...request, memberId: 'silent', rejoins: false })
    let members = 0
    void group.join({ ...request, memberId: 'eager', rejoins: false }).then((joined) => {
      members = joined.members?.length ?? 0
    })
    await clock.advanceBy(REBALANCE_MS - 1)
    expect(members).toBe(0)
    await clock.advanceBy(1)
    expect(members).toBe(1)
    expect(group.heartbeat('silent', 1)).toBe('unknown')
    expect(() => group.join({ ...request, memberId: 'silent', rejoins: true })).toThrow(
      expect.objectContaining({ code: 'FENCED' }),
    )
  })

  it('does not take in a member that left while its join was on the way', async () => {
    const { clock, client, wire } = setting()
    const first = join(client())
    await clock.advanceBy(REBALANCE_MS)
    const second = join(client())
    wire.latencyMs = 20
    await clock.advanceBy(1)
    wire.latencyMs = 1
    expect(second.member).not.toBeNull()
    await Promise.all([second.member?.leave(), clock.advanceBy(REBALANCE_MS)])
    expect([first.assigned, second.assigned]).toEqual([['1 of 1'], []])
  })
})

describe('transactions of the memory log', () => {
  async function open(log: Log, clock: VirtualClock, timeoutMs: number): Promise<LogWriter> {
    const writer = log.createWriter({
      transactionalId: 'w',
      transactionTimeoutMs: timeoutMs,
      maxBufferedBytes: 1e6,
      onAvailable: () => undefined,
    })
    const written = (async (): Promise<void> => {
      await writer.init()
      const output = await writer.output('t')
      output.appendBytes(0, 0, null, Buffer.from('open'))
      writer.seal()
      await writer.flush()
    })()
    await clock.advanceBy(20)
    await written
    return writer
  }

  it('are aborted when they are open for longer than their timeout, and their writer is fenced', async () => {
    const { clock, client, provider } = setting()
    const writer = await open(client(), clock, 500)
    provider.storage.write('t', 0, [{ value: Buffer.from('behind'), timestamp: 1 }])
    expect(provider.storage.read('t')).toEqual([])
    await clock.advanceBy(500)
    expect(provider.storage.read('t').map(({ value, offset }) => [value?.toString(), offset])).toEqual([['behind', 1]])
    const late = expect(writer.commit('g', [])).rejects.toMatchObject({ code: 'FENCED' })
    await clock.advanceBy(20)
    await late
  })

  it('end with a marker that takes one offset in each partition', async () => {
    const { clock, client, provider } = setting()
    const log = client()
    const writer = await open(log, clock, 500)
    const commit = writer.commit('g', [])
    await clock.advanceBy(20)
    await commit
    const latest = log.offsets([{ topic: 't', partition: 0 }], 'latest')
    await clock.advanceBy(20)
    expect(await latest).toEqual([2])
    provider.storage.write('t', 0, [{ value: Buffer.from('next'), timestamp: 0 }])
    expect(provider.storage.read('t').map(({ offset }) => offset)).toEqual([0, 2])
  })

  it('commit nothing when the close of their writer has overtaken the commit', async () => {
    const { clock, client, provider, wire } = setting()
    const writer = await open(client(), clock, 500)
    wire.latencyMs = 20
    const offsets = [{ topic: 't', partition: 0, offset: 1, metadata: '' }]
    const late = expect(writer.commit('g', offsets)).rejects.toMatchObject({ code: 'LOG_FAILED' })
    wire.latencyMs = 1
    await Promise.all([writer.close(), clock.advanceBy(100)])
    await late
    expect([provider.storage.read('t'), provider.storage.committed('g', 't', 0)]).toEqual([[], null])
  })

  it('keep out what is appended while offsets alone are committed', async () => {
    const { clock, client, provider, wire } = setting()
    const log = client()
    const writer = await open(log, clock, 500)
    const first = writer.commit('g', [])
    await clock.advanceBy(20)
    await first
    const output = await writer.output('t')
    wire.latencyMs = 20
    const commit = writer.commit('g', [{ topic: 't', partition: 0, offset: 1, metadata: '' }])
    wire.latencyMs = 1
    for (let index = 0; index < 10; index++) output.appendBytes(0, 0, null, Buffer.alloc(100_000))
    await clock.advanceBy(100)
    await commit
    expect(provider.storage.read('t')).toHaveLength(1)
  })

  it('leave no timer behind once they are decided', async () => {
    const { clock, client, provider } = setting()
    const writer = await open(client(), clock, 500)
    const commit = writer.commit('g', [])
    await clock.advanceBy(20)
    await commit
    expect(clock.nextTimerMs).toBeUndefined()
    expect(provider.storage.read('t').map(({ value }) => value?.toString())).toEqual(['open'])
  })
})

describe('the storage of the memory log', () => {
  it('is written and read at once, for tests', () => {
    const { storage } = memoryLog()
    storage.createTopic('t', 2)
    const headers = [{ key: 'h', value: Buffer.from('1') }]
    storage.write('t', 1, [
      { key: Buffer.from('k'), value: Buffer.from('v'), timestamp: 7, headers },
      { value: null, timestamp: 8 },
    ])
    const rows = storage
      .read('t')
      .map(({ key, value, ...rest }) => ({ ...rest, key: key?.toString(), value: value?.toString() }))
    expect(rows).toMatchObject([
      { partition: 1, offset: 0, timestamp: 7, key: 'k', value: 'v', headers: [{ key: 'h' }] },
      { partition: 1, offset: 1, timestamp: 8, key: undefined, value: undefined, headers: [] },
    ])
    expect(() => storage.write('absent', 0, [{ value: null, timestamp: 0 }])).toThrow(
      expect.objectContaining({ code: 'TOPIC_MISSING' }),
    )
  })

  it('is shared by the clients of one provider and by no others', async () => {
    const clock = new VirtualClock()
    const provider = memoryLog()
    const [one, two] = [0, 1].map(() => provider.create({ clock, logger: silentLogger })) as [Log, Log]
    await one.createTopics([{ name: 't', partitions: 3 }])
    expect(await two.describeTopics(['t'])).toEqual([{ name: 't', partitions: 3 }])
    expect(await memoryLog().create({ clock, logger: silentLogger }).describeTopics(['t'])).toEqual([null])
  })

  it('refuses metadata that a Kafka server would refuse, and commits none of the offsets', () => {
    const { storage } = memoryLog()
    const offset = { topic: 't', offset: 1 }
    expect(() =>
      storage.commitOffsets('g', [
        { ...offset, partition: 0, metadata: '' },
        { ...offset, partition: 1, metadata: 'x'.repeat(4_097) },
      ]),
    ).toThrow(expect.objectContaining({ code: 'LOG_FAILED' }))
    expect(storage.committed('g', 't', 0)).toBeNull()
  })

  it('gives readers the stored buffer itself', async () => {
    const clock = new VirtualClock()
    const provider = memoryLog({ clock })
    provider.storage.createTopic('t', 1)
    provider.storage.write('t', 0, [{ value: Buffer.from('v'), timestamp: 0 }])
    const take = (): unknown => {
      const reader = provider
        .create({ clock, logger: silentLogger })
        .createReader({ maxBufferedBytes: 1, onAvailable: () => undefined })
      reader.add([{ topic: 't', partition: 0, offset: 0 }])
      return reader.take()?.buffer
    }
    expect(take()).toBeInstanceOf(Buffer)
    expect(take()).toBe(take())
  })
})
