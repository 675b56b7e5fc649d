import { type Collector, type Job, job, json, valueState } from '@millrace/core'
import type { Log } from '@millrace/core/spi'

export const topics = { input: 'costs-in', output: 'costs-out' } as const

export interface CostRecord {
  readonly key: number
}

export const record = json<CostRecord>()

/** A running count of each key: every record changes the state of its key. */
export const counting: Job = job('costs', (env) => {
  env
    .topic(topics.input, record)
    .keyBy(({ key }) => key)
    .process({
      state: { seen: valueState({ initial: 0 }) },
      onRecord({ key }, { state }, out: Collector<{ key: number; seen: number }>) {
        const seen = state.seen.get() + 1
        state.seen.set(seen)
        out.emit({ key, seen })
      },
    })
    .toTopic(topics.output, json())
})

/** Writes records of all keys in turn into a topic that is made for them. */
export async function loadKeys(log: Log, topic: string, keys: number, records: number): Promise<void> {
  await log.createTopics([{ name: topic, partitions: 4 }])
  let wake: () => void = () => {}
  const writer = log.createWriter({
    transactionalId: null,
    transactionTimeoutMs: 60_000,
    maxBufferedBytes: 1 << 25,
    onAvailable: () => wake(),
  })
  await writer.init()
  const output = await writer.output(topic)
  for (let n = 0; n < records; n++) {
    output.append(n % 4, n, null, { key: n % keys }, record)
    while (writer.isFull) {
      writer.check()
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  writer.seal()
  await writer.flush()
  await writer.close()
}
