import { kafka, silentLogger } from '@millrace/core'
import { type Serde, systemClock } from '@millrace/core/spi'
import { NexmarkGenerator, type NexmarkOptions } from './generator.ts'

const raw: Serde<string> = {
  format: 'text@1',
  decode: (bytes, start, end) => bytes.toString('utf8', start, end),
  encode: (text, target) => target.writeUtf8(text),
}

/** Writes events as JSON into a topic, partition after partition in turn, without keys. Returns the bytes of the values. */
export async function loadEvents(
  brokers: readonly string[],
  topic: string,
  partitions: number,
  count: number,
  options: NexmarkOptions,
): Promise<number> {
  const log = kafka({ brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  // Event times are long ago: the events must not be deleted as old.
  await log.createTopics([{ name: topic, partitions, config: { 'retention.ms': '-1' } }])
  let wake: (() => void) | null = null
  const writer = log.createWriter({
    transactionalId: null,
    transactionTimeoutMs: 60_000,
    maxBufferedBytes: 32 * 1024 * 1024,
    onAvailable: () => wake?.(),
  })
  await writer.init()
  const output = await writer.output(topic)
  const generator = new NexmarkGenerator(options)
  let bytes = 0
  for (let n = 0; n < count; n++) {
    const text = JSON.stringify(generator.next())
    bytes += text.length
    output.append(n % partitions, options.startMs, null, text, raw)
    if (!writer.isFull) continue
    await new Promise<void>((resolve) => {
      wake = resolve
      setTimeout(resolve, 50)
    })
    writer.check()
  }
  writer.seal()
  await writer.flush()
  await writer.close()
  await log.close()
  return bytes
}
