import { job, json, kafka, redis } from '@millrace/core'
import { jsonLines, writeCompactedFiles } from '../../src/index.ts'

/** A worker in a process of its own, to be killed: `<brokers> <url of Redis> <directory>`. Ends when all of the topic is in files. */
const [brokers = '', url = '', directory = ''] = process.argv.slice(2)

await job('compacting', (env) => {
  env
    .topic('numbers', json<{ readonly n: number }>(), { bounded: true })
    .to(writeCompactedFiles(directory, jsonLines(), { targetBytes: 20_000 }))
    .uid('files')
    .committed()
    .map(({ visible }) => visible)
    .toTopic('files', json())
}).run({
  log: kafka({ brokers }),
  state: redis({ url }),
  parallelism: 2,
  epochInterval: '50ms',
  sessionTimeout: '1s',
  heartbeatInterval: '200ms',
})
