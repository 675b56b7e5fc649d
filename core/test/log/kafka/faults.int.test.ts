import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { KafkaServer } from '@millrace/testcontainers'
import { AssignerProtocol, Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Compression, type KafkaOptions, kafka } from '../../../src/log/kafka/index.ts'
import type { Log, LogWriter } from '../../../src/log/log.ts'
import { silentLogger } from '../../../src/metrics/logger.ts'
import { systemClock } from '../../../src/time/clock.ts'
import {
  appendText,
  openWriter,
  Probe,
  readCommitted,
  unique,
  until,
  WAIT_MS,
  writePlain,
} from '../../contract/log-contract/fixture.ts'

function create(options: KafkaOptions): Log {
  return kafka(options).create({ clock: systemClock, logger: silentLogger })
}

async function topicOf(log: Log, partitions: number): Promise<string> {
  const name = unique('topic')
  await log.createTopics([{ name, partitions }])
  return name
}

/** A server that takes connections and never says anything. */
async function muteServer(): Promise<{ address: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

describe('a Kafka server that cannot be reached', () => {
  it('makes connect reject after the bounded wait and names the addresses', async () => {
    const mute = await muteServer()
    const { address } = mute
    await mute.close()
    const log = create({ brokers: [address], connectTimeoutMs: 300 })
    await expect(log.connect()).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining(address),
      where: { server: address },
    })
    await log.close()
  })

  it('makes connect reject after the bounded wait also when it takes the connection and stays silent', async () => {
    const mute = await muteServer()
    const log = create({ brokers: mute.address, connectTimeoutMs: 300 })
    await expect(log.connect()).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining(mute.address),
    })
    await log.close()
    await mute.close()
  })
})

describe('a Kafka server that asks for a password', () => {
  it('is used with the right one, and refuses a wrong one without showing it', { timeout: 2 * WAIT_MS }, async () => {
    const sasl = { username: 'alice', password: 'right-password' }
    await using server = await KafkaServer.start({ sasl })
    const log = create({ brokers: server.brokers, sasl: { mechanism: 'plain', ...sasl } })
    await log.connect()
    expect(await log.describeTopics(['absent'])).toEqual([null])
    expect(log.describe()).not.toContain('right-password')
    await log.close()
    const wrong = create({ brokers: server.brokers, sasl: { mechanism: 'plain', ...sasl, password: 'wrong-password' } })
    const error = await wrong.connect().then(
      () => undefined,
      (reason: unknown) => reason as Error,
    )
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', message: expect.stringMatching(/authentication failed/) })
    for (let e: unknown = error; e instanceof Error; e = e.cause) expect(e.message).not.toContain('wrong-password')
    await wrong.close()
  })
})

describe('a Kafka server', () => {
  const options = { timeout: 3 * WAIT_MS }
  let server: KafkaServer
  let log: Log

  beforeAll(async () => {
    server = await KafkaServer.start()
    log = create({ brokers: server.brokers, requestTimeoutMs: 5_000 })
    await log.connect()
  })

  afterAll(async () => {
    await log?.close()
    await server?.stop()
  })

  it.for<Compression>(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
    'takes and gives batches in codec %s',
    async (compression) => {
      const own = create({ brokers: server.brokers, compression })
      await own.connect()
      const name = await topicOf(own, 1)
      const writer = await openWriter(own)
      const output = await writer.output(name)
      const values = Array.from({ length: 3_000 }, (_, index) => `value ${index} ${'x'.repeat(index % 50)}`)
      for (const value of values) appendText(output, value, 0, value)
      writer.seal()
      await writer.flush()
      await writer.close()
      expect((await readCommitted(own, name)).values()).toEqual(values)
      await own.close()
    },
  )

  it('shows the partitions of a member to the tools of Kafka', options, async () => {
    const name = await topicOf(log, 3)
    const group = unique('group')
    const assigned: string[] = []
    const member = await log.join({
      group,
      topics: [name],
      metadata: () => Buffer.from('m'),
      assign: (members) =>
        members.map(({ memberId }) => ({
          memberId,
          assignment: Buffer.from('own'),
          partitions: [
            { topic: name, partition: 0 },
            { topic: name, partition: 2 },
          ],
        })),
      onAssigned: (assignment) => assigned.push(Buffer.from(assignment).toString()),
      onLost: () => undefined,
      sessionTimeoutMs: 10_000,
      heartbeatIntervalMs: 500,
      rebalanceTimeoutMs: 10_000,
    })
    await until('the member is assigned', () => assigned.length > 0)
    const admin = new Kafka({ brokers: server.brokers, logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const { groups } = await admin.describeGroups([group])
    await admin.disconnect()
    expect(groups[0]).toMatchObject({ protocolType: 'consumer', state: 'Stable' })
    const [shown] = groups[0]?.members ?? []
    expect(AssignerProtocol.MemberAssignment.decode(shown?.memberAssignment as Buffer)?.assignment).toEqual({
      [name]: [0, 2],
    })
    await member.leave()
  })

  it.for(['orderly', 'killed'] as const)(
    'loses and doubles nothing of a plain writer when it is restarted (%s)',
    options,
    async (how) => {
      const name = await topicOf(log, 2)
      const probe = new Probe(log)
      probe.reader.add([0, 1].map((partition) => ({ topic: name, partition, offset: 0 })))
      const writer = await openWriter(log)
      const count = await writeThrough(writer, name, how)
      writer.seal()
      await writer.flush()
      await writer.close()
      await probe.readTo([0, 1].map((partition) => ({ topic: name, partition, offset: count / 2 })))
      const numbers = (partition: number) => probe.values(partition).map(Number)
      expect(numbers(0)).toEqual(Array.from({ length: count / 2 }, (_, index) => index * 2))
      expect(numbers(1)).toEqual(Array.from({ length: count / 2 }, (_, index) => index * 2 + 1))
      await probe.reader.close()
    },
  )

  it.for(['orderly', 'killed'] as const)(
    'keeps an open transaction whole when it is restarted (%s)',
    options,
    async (how) => {
      const name = await topicOf(log, 2)
      const group = unique('group')
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      const count = await writeThrough(writer, name, how)
      writer.seal()
      await writer.commit(group, [{ topic: name, partition: 0, offset: 5, metadata: 'epoch 1' }])
      expect(await log.committed(group, [{ topic: name, partition: 0 }])).toEqual([{ offset: 5, metadata: 'epoch 1' }])
      await until('the records are visible', async () => {
        const probe = await readCommitted(log, name, 2)
        if (probe.seen.length === 0) return false
        expect(probe.seen.length).toBe(count)
        expect(new Set(probe.values()).size).toBe(count)
        return true
      })
      await writer.close()
    },
  )

  it('aborts a transaction that is open for too long, which is not the same as being fenced', options, async () => {
    const name = await topicOf(log, 1)
    const transactionalId = unique('writer')
    const settings = { transactionalId, transactionTimeoutMs: 1_000, maxBufferedBytes: 1 << 20, onAvailable() {} }
    const open = async (value: string) => {
      const writer = log.createWriter(settings)
      await writer.init()
      appendText(await writer.output(name), value)
      writer.seal()
      await writer.flush()
      return writer
    }
    const late = await open('late')
    await writePlain(log, name, ['behind it'])
    await until('the server has aborted it', async () => (await readCommitted(log, name)).seen.length > 0)
    const commit = late.commit(unique('group'), [])
    await expect(commit).rejects.toMatchObject({ code: 'LOG_FAILED', reaction: 'restart-task' })
    expect(() => late.check()).toThrow(/transactionTimeoutMs/)
    const zombie = await open('zombie')
    const owner = await open('owner')
    await owner.commit(unique('group'), [])
    await until('the owner has committed', async () => (await readCommitted(log, name)).seen.length > 1)
    await expect(zombie.commit(unique('group'), [])).rejects.toMatchObject({ code: 'FENCED' })
    expect((await readCommitted(log, name)).values()).toEqual(['behind it', 'owner'])
    for (const writer of [late, zombie, owner]) await writer.close()
  })

  it('never takes dropped records for others after an abort that met an outage', options, async () => {
    const name = await topicOf(log, 1)
    const writer = await openWriter(log, { transactionalId: unique('writer') })
    const output = await writer.output(name)
    appendText(output, 'acknowledged')
    writer.seal()
    await writer.flush()
    await writer.commit(unique('group'), [])
    // A single server that is killed before it has written the markers of a decided transaction may forget them: it
    // completes the transaction while it starts, before it knows that it leads the partition.
    await until('the first is visible', async () => (await readCommitted(log, name)).seen.length === 1)
    await server.kill()
    appendText(output, 'dropped')
    writer.seal()
    const aborting = writer.abort()
    await server.restart()
    await aborting
    appendText(output, 'kept')
    writer.seal()
    await writer.flush()
    await writer.commit(unique('group'), [])
    await until('both transactions are visible', async () => (await readCommitted(log, name)).seen.length > 1)
    expect((await readCommitted(log, name)).values()).toEqual(['acknowledged', 'kept'])
    await writer.close()
  })

  it('is waited for by the members of a group', options, async () => {
    const name = await topicOf(log, 1)
    let assigned = 0
    const member = await log.join({
      group: unique('group'),
      topics: [name],
      metadata: () => Buffer.from('m'),
      assign: (members) => members.map(({ memberId }) => ({ memberId, assignment: Buffer.from('x'), partitions: [] })),
      onAssigned: () => assigned++,
      onLost: () => undefined,
      sessionTimeoutMs: 6_000,
      heartbeatIntervalMs: 200,
      rebalanceTimeoutMs: 10_000,
    })
    await until('the member is assigned', () => assigned > 0)
    await server.restart()
    const before = assigned
    member.rejoin()
    await until('the member is assigned again', () => assigned > before)
    await member.commitOffsets([{ topic: name, partition: 0, offset: 3, metadata: '' }])
    await member.leave()
  })

  /** Appends numbers to two partitions while the server goes away and comes back; returns how many. */
  async function writeThrough(writer: LogWriter, name: string, how: 'orderly' | 'killed'): Promise<number> {
    const output = await writer.output(name)
    let isBack = false
    const restarting = (async () => {
      if (how === 'killed') await server.kill()
      await server.restart()
      isBack = true
    })()
    let count = 0
    let rest = 1_000
    while (rest > 0) {
      writer.check()
      if (isBack) rest--
      if (!writer.isFull) {
        appendText(output, String(count), 0)
        appendText(output, String(count + 1), 1)
        count += 2
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await restarting
    return count
  }
})
