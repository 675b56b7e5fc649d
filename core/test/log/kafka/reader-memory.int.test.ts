import { KafkaServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafka, silentLogger } from '../../../src/index.ts'
import type { Log } from '../../../src/log/log.ts'
import { systemClock } from '../../../src/time/clock.ts'
import { allPartitions, appendText, openWriter, unique, WAIT_MS } from '../../contract/log-contract/fixture.ts'

const PARTITIONS = 3
const VALUES = 600

describe('a reader that uses memory again', () => {
  let server: KafkaServer
  let log: Log

  beforeAll(async () => {
    server = await KafkaServer.start()
    log = kafka({ brokers: server.brokers }).create({ clock: systemClock, logger: silentLogger })
    await log.connect()
  })

  afterAll(async () => {
    await log?.close()
    await server?.stop()
  })

  it('gives every record whole until the next take, out of little memory', { timeout: 2 * WAIT_MS }, async () => {
    const name = unique('memory')
    await log.createTopics([{ name, partitions: PARTITIONS }])
    const writer = await openWriter(log)
    const output = await writer.output(name)
    const value = (partition: number, n: number): string => `${partition}/${n}:`.padEnd(20_000 + n, String(n % 10))
    for (let n = 0; n < VALUES; n++) {
      for (let partition = 0; partition < PARTITIONS; partition++) appendText(output, value(partition, n), partition)
      if (n % 50 !== 49) continue
      writer.seal()
      await writer.flush()
    }
    await writer.close()

    let wake: () => void = () => {}
    const reader = log.createReader({
      maxBufferedBytes: 1024 * 1024,
      onAvailable: () => wake(),
      reusesMemory: true,
    })
    reader.add(allPartitions(name, PARTITIONS).map((partition) => ({ ...partition, offset: 0 })))
    const next = new Array<number>(PARTITIONS).fill(0)
    const memories = new Set<ArrayBufferLike>()
    for (let seen = 0; seen < PARTITIONS * VALUES; ) {
      const batch = reader.take()
      if (batch === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      // Other responses arrive meanwhile: they must not come over the bytes of this one.
      await new Promise((resolve) => setImmediate(resolve))
      memories.add(batch.buffer.buffer)
      for (let at = 0; at < batch.count; at++) {
        const text = batch.buffer.toString('utf8', batch.valueStarts[at], batch.valueEnds[at])
        const n = next[batch.partition] as number
        if (text !== value(batch.partition, n)) expect(text).toBe(value(batch.partition, n))
        next[batch.partition] = n + 1
      }
      seen += batch.count
    }
    await reader.close()
    expect(next).toEqual(new Array(PARTITIONS).fill(VALUES))
    const bytes = [...memories].reduce((sum, { byteLength }) => sum + byteLength, 0)
    expect(bytes).toBeLessThan((PARTITIONS * VALUES * 20_000) / 3)
  })
})
