import { setImmediate, setTimeout } from 'node:timers/promises'
import type {
  Log,
  LogBatch,
  LogOutput,
  LogReader,
  LogReaderOptions,
  LogWriter,
  PartitionOffset,
} from '../../../src/log/log.ts'
import type { ByteWriter } from '../../../src/serde/byte-writer.ts'
import type { Serde } from '../../../src/serde/serde.ts'

/** A log under test; `topic` creates a topic with a unique name. */
export interface LogFixture {
  readonly log: Log
  topic(partitions: number): Promise<string>
  close(): Promise<void>
}

/** Servers that rebalance or elect need seconds; the memory log needs none of it. */
export const WAIT_MS = 60_000

let serial = 0

/** A name that no other test, and no earlier run against the same server, has used. */
export function unique(kind: string): string {
  return `${kind}-${process.pid}-${Date.now().toString(36)}-${serial++}`
}

/** Waits for a condition, bounded; fails with what was waited for. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + WAIT_MS
  for (let round = 0; ; round++) {
    if (await condition()) return
    if (Date.now() > deadline) throw new Error(`Waited ${WAIT_MS} ms in vain until ${what}`)
    if (round < 50) await setImmediate()
    else await setTimeout(10)
  }
}

export const text: Serde<string> = {
  format: 'text@1',
  decode: (bytes, start, end) => bytes.toString('utf8', start, end),
  encode: (value: string, target: ByteWriter) => target.writeUtf8(value),
}

export function bytes(value: string): Buffer {
  return Buffer.from(value, 'utf8')
}

/** A record as a reader saw it, as plain data. */
export interface Seen {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [string, string])[]
}

function seenOf(batch: LogBatch, index: number): Seen {
  const range = (starts: Int32Array, ends: Int32Array): string | null => {
    const start = starts[index] as number
    return start < 0 ? null : batch.buffer.toString('utf8', start, ends[index])
  }
  return {
    topic: batch.topic,
    partition: batch.partition,
    offset: batch.offsets[index] as number,
    timestamp: batch.timestamps[index] as number,
    key: range(batch.keyStarts, batch.keyEnds),
    value: range(batch.valueStarts, batch.valueEnds),
    headers: batch.headers(index).map((header) => [header.key, Buffer.from(header.value).toString('utf8')] as const),
  }
}

/** A reader that keeps what it saw, and how far it is in each partition. */
export class Probe {
  readonly reader: LogReader
  readonly seen: Seen[] = []
  readonly positions: Map<string, number> = new Map()
  /** Times that `onAvailable` was called. */
  calls = 0
  batches = 0

  constructor(log: Log, maxBufferedBytes = 1 << 20, rank?: LogReaderOptions['rank']) {
    this.reader = log.createReader({
      maxBufferedBytes,
      ...(rank !== undefined && { rank }),
      onAvailable: () => {
        this.calls++
      },
    })
  }

  /** Takes one batch; false when there was none. */
  takeOne(): boolean {
    const batch = this.reader.take()
    if (batch === undefined) return false
    this.batches++
    for (let index = 0; index < batch.count; index++) this.seen.push(seenOf(batch, index))
    this.positions.set(`${batch.topic}/${batch.partition}`, batch.nextOffset)
    return true
  }

  takeAll(): void {
    while (this.takeOne()) {
      // Takes until the reader has nothing more at hand.
    }
  }

  position(topic: string, partition: number): number {
    return this.positions.get(`${topic}/${partition}`) ?? -1
  }

  /** Takes until the position in every given partition has reached the given offset. */
  async readTo(ends: readonly PartitionOffset[]): Promise<void> {
    const open = ends.filter((end) => end.offset > 0)
    await until(`the reader reaches ${JSON.stringify(open)}; it is at ${JSON.stringify([...this.positions])}`, () => {
      this.takeAll()
      return open.every((end) => this.position(end.topic, end.partition) >= end.offset)
    })
  }

  values(partition?: number): (string | null)[] {
    return this.seen.filter((s) => partition === undefined || s.partition === partition).map((s) => s.value)
  }
}

export function allPartitions(topic: string, count: number): { topic: string; partition: number }[] {
  return Array.from({ length: count }, (_, partition) => ({ topic, partition }))
}

export async function ends(log: Log, topic: string, partitions: number): Promise<PartitionOffset[]> {
  const all = allPartitions(topic, partitions)
  const offsets = await log.offsets(all, 'latest')
  return all.map((partition, index) => ({ ...partition, offset: offsets[index] as number }))
}

/** Reads the topic from its first offset to the end of what is committed now. */
export async function readCommitted(log: Log, topic: string, partitions = 1): Promise<Probe> {
  const probe = new Probe(log)
  try {
    const target = await ends(log, topic, partitions)
    probe.reader.add(target.map((end) => ({ ...end, offset: 0 })))
    await probe.readTo(target)
  } finally {
    await probe.reader.close()
  }
  return probe
}

export interface WriterSettings {
  readonly transactionalId?: string | null
  readonly maxBufferedBytes?: number
  readonly onAvailable?: () => void
}

/** A writer that has been initialised. */
export async function openWriter(log: Log, settings: WriterSettings = {}): Promise<LogWriter> {
  const writer = log.createWriter({
    transactionalId: settings.transactionalId ?? null,
    transactionTimeoutMs: 60_000,
    maxBufferedBytes: settings.maxBufferedBytes ?? 1 << 20,
    onAvailable: settings.onAvailable ?? (() => undefined),
  })
  await writer.init()
  return writer
}

/** A time that no server's retention or clock check objects to. */
export function baseTime(): number {
  return Date.now() - 60_000
}

export function appendText(output: LogOutput, value: string, partition = 0, key: string | null = null): void {
  output.append(partition, baseTime(), key === null ? null : bytes(key), value, text)
}

/** Writes values plainly, acknowledged when this resolves. */
export async function writePlain(log: Log, topic: string, values: readonly string[], partition = 0): Promise<void> {
  const writer = await openWriter(log)
  const output = await writer.output(topic)
  for (const value of values) appendText(output, value, partition)
  writer.seal()
  await writer.flush()
  await writer.close()
}

/** Seals and commits without offsets of any input. */
export async function commitSealed(writer: LogWriter): Promise<void> {
  writer.seal()
  await writer.flush()
  await writer.commit(unique('group'), [])
}
