import type { Log, LogWriter, Serde } from '@millrace/core/spi'
import type { NexmarkEvent } from './events.ts'

const text: Serde<string> = {
  format: 'text@1',
  decode: (bytes, start, end) => bytes.toString('utf8', start, end),
  encode: (value, target) => target.writeUtf8(value),
}

/** Events between two looks at the connection: it sends and receives while the next ones are made. */
const TURN = 2_000
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024

/** Writes events as JSON into a new topic, partition after partition in turn, without keys. Returns the bytes of the values. */
export async function loadEvents(
  log: Log,
  topic: string,
  partitions: number,
  events: Iterable<NexmarkEvent>,
): Promise<number> {
  // Event times are long ago: the events must not be deleted as old.
  await log.createTopics([{ name: topic, partitions, config: { 'retention.ms': '-1' } }])
  let wake = (): void => {}
  const writer = log.createWriter({
    transactionalId: null,
    transactionTimeoutMs: 60_000,
    maxBufferedBytes: MAX_BUFFERED_BYTES,
    onAvailable: () => wake(),
  })
  await writer.init()
  const output = await writer.output(topic)
  const timestamp = Date.now()
  let bytes = 0
  let n = 0
  for (const event of events) {
    const value = JSON.stringify(event)
    bytes += value.length
    output.append(n % partitions, timestamp, null, value, text)
    if (++n % TURN === 0) await turn(writer, (resume) => (wake = resume))
  }
  writer.seal()
  await writer.flush()
  await writer.close()
  return bytes
}

async function turn(writer: LogWriter, onAvailable: (resume: () => void) => void): Promise<void> {
  writer.check()
  await new Promise<void>((resolve) => {
    if (writer.isFull) onAvailable(resolve)
    else setImmediate(resolve)
  })
}
