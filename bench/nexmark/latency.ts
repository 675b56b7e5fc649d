import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { json, kafka, silentLogger } from '@millrace/core'
import { systemClock } from '@millrace/core/spi'
import { lastLine } from '../last-line.ts'
import { percentile } from '../report/statistics.ts'
import type { Bid, NexmarkEvent } from './events.ts'
import { startQuery } from './query-process.ts'

export interface LatencyResult {
  readonly query: 'q0'
  readonly epochMs: number
  readonly ratePerSecond: number
  readonly rows: number
  /** From an event's making to its row's arrival at a consumer of committed records, in ms. */
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const EPOCHS_MS = [50, 100, 1_000]
const RATE = 20_000
const WARM_UP_MS = 8_000
const MEASURED_MS = 20_000
const TICK_MS = 5
const event = json<NexmarkEvent>()
const bidRow = json<Pick<Bid, 'dateTime'>>()

/** Feeds bids at a fixed rate to a running pass-through query and times the committed rows. */
export async function measureLatency(
  brokers: readonly string[],
  redisUrl: string,
  say: (line: string) => void,
  epochs: readonly number[] = EPOCHS_MS,
): Promise<LatencyResult[]> {
  const results: LatencyResult[] = []
  for (const epochMs of epochs) {
    const result = await measure(brokers, redisUrl, epochMs)
    results.push(result)
    say(
      `q0 at ${RATE.toLocaleString('en')}/s, epochs of ${epochMs} ms: visible after p50 ${result.p50Ms} ms, p90 ${result.p90Ms} ms, p99 ${result.p99Ms} ms, at most ${result.maxMs} ms`,
    )
  }
  return results
}

async function measure(brokers: readonly string[], redisUrl: string, epochMs: number): Promise<LatencyResult> {
  const log = kafka({ brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  const suffix = Date.now().toString(36)
  const input = `latency-in-${suffix}`
  const output = `latency-out-${suffix}`
  await log.createTopics([input, output].map((name) => ({ name, partitions: 4 })))
  const child = startQuery({ query: 'q0', brokers, redisUrl, input, output, parallelism: 1, epochMs, bounded: false })
  const ended = lastLine(child)
  await once(child, 'message')

  const latencies: number[] = []
  const startMs = Date.now()
  const reader = log.createReader({ maxBufferedBytes: 64 * 1024 * 1024, onAvailable: () => take() })
  const take = (): void => {
    for (let batch = reader.take(); batch !== undefined; batch = reader.take()) {
      const now = Date.now()
      for (let at = 0; at < batch.count; at++) {
        const { dateTime } = bidRow.decode(batch.buffer, batch.valueStarts[at] as number, batch.valueEnds[at] as number)
        if (dateTime >= startMs + WARM_UP_MS) latencies.push(now - dateTime)
      }
    }
  }
  reader.add([0, 1, 2, 3].map((partition) => ({ topic: output, partition, offset: 0 })))

  const writer = log.createWriter({
    transactionalId: null,
    transactionTimeoutMs: 60_000,
    maxBufferedBytes: 64 * 1024 * 1024,
    onAvailable: () => {},
  })
  await writer.init()
  const topic = await writer.output(input)
  for (let sent = 0; Date.now() - startMs < WARM_UP_MS + MEASURED_MS; ) {
    const now = Date.now()
    const due = Math.floor(((now - startMs) / 1000) * RATE)
    for (; sent < due; sent++) topic.append(sent % 4, now, null, bid(sent, now), event)
    writer.check()
    await delay(TICK_MS)
  }
  await delay(epochMs * 2 + 500)
  take()
  child.kill('SIGTERM')
  await ended
  await writer.close()
  await reader.close()
  await log.deleteTopics([input, output])
  await log.close()
  return {
    query: 'q0',
    epochMs,
    ratePerSecond: RATE,
    rows: latencies.length,
    p50Ms: percentile(latencies, 50),
    p90Ms: percentile(latencies, 90),
    p99Ms: percentile(latencies, 99),
    maxMs: percentile(latencies, 100),
  }
}

function bid(n: number, dateTime: number): NexmarkEvent {
  const extra = 'x'.repeat(80)
  return {
    event_type: 2,
    bid: {
      auction: n % 1_000,
      bidder: n % 5_000,
      price: n % 10_000,
      channel: 'search',
      url: 'https://www.example.com/item',
      dateTime,
      extra,
    },
  }
}
