import { cpus } from 'node:os'
import { parseArgs } from 'node:util'

const usage = `Measures Millrace on this machine.

  npm run bench -- engine                     operators only, in memory
  npm run bench -- windows                    sliding windows: the cost of a record with 1 to 60 windows over it
  npm run bench -- state                      a keyed counter: 10,000 keys to ten times more than its cache; restoring
  npm run bench -- batch                      bounded jobs: word count over text, a sort, a join, beyond their memory budget
  npm run bench -- nexmark [--query q5]       from Kafka to Kafka, exactly-once, state in Redis
  npm run bench -- costs                      a commit with 10,000 changed keys; waiting for input
  npm run bench -- recovery                   from SIGKILL to the first committed output of the surviving worker

  --runs <n>       runs of each case, of which the median is given (default 3)
  --events <n>     nexmark, windows, state: events (default 1,000,000)
  --scale <x>      batch: part of 1 GB of text, 10 million records to sort, 5 million to join with 1 million (default 1)
  --budget <MB>    batch: memory budget (default 256)
  --case <name>    batch: only word-count, sort or join
  --brokers <a,b>  nexmark: use this Kafka, with the topic --topic, instead of starting one
  --latency        nexmark: latency at a fixed rate too (always without --query)
  --json           one JSON object as the last line
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '3' },
    events: { type: 'string', default: '1000000' },
    scale: { type: 'string', default: '1' },
    budget: { type: 'string', default: '256' },
    case: { type: 'string', multiple: true },
    query: { type: 'string', multiple: true },
    brokers: { type: 'string' },
    topic: { type: 'string', default: 'nexmark' },
    latency: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const say = values.json ? (): void => {} : (line: string): void => console.log(line)
const machine = { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length }
const runs = Number(values.runs)

switch (values.help ? undefined : positionals[0]) {
  case 'engine': {
    const { benchEngine } = await import('./engine/engine.ts')
    const cases = await benchEngine(runs, say)
    if (values.json) console.log(JSON.stringify({ bench: 'engine', machine, cases }))
    break
  }
  case 'windows': {
    const { benchWindows } = await import('./windows/windows.ts')
    const cases = await benchWindows({ runs, records: Number(values.events) }, say)
    if (values.json) console.log(JSON.stringify({ bench: 'windows', machine, cases }))
    break
  }
  case 'state': {
    const { benchState } = await import('./state/state.ts')
    const cases = await benchState({ runs, records: Number(values.events) }, say)
    if (values.json) console.log(JSON.stringify({ bench: 'state', machine, ...cases }))
    break
  }
  case 'batch': {
    const { benchBatch } = await import('./batch/batch.ts')
    const budgetBytes = Number(values.budget) * 1024 * 1024
    const options = { runs, scale: Number(values.scale), budgetBytes, only: values.case ?? null }
    const cases = await benchBatch(options, say)
    if (values.json) console.log(JSON.stringify({ bench: 'batch', machine, cases }))
    break
  }
  case 'nexmark': {
    const { benchNexmark } = await import('./nexmark/nexmark.ts')
    const result = await benchNexmark(
      {
        runs,
        events: Number(values.events),
        queries: values.query ?? null,
        brokers: values.brokers ?? null,
        topic: values.topic,
        // One query is looked at for its throughput; the whole bench tells both.
        latency: values.latency || values.query === undefined,
      },
      say,
    )
    if (values.json) console.log(JSON.stringify({ bench: 'nexmark', machine, ...result }))
    break
  }
  case 'costs': {
    const { benchCosts } = await import('./costs/costs.ts')
    const result = await benchCosts(say)
    if (values.json) console.log(JSON.stringify({ bench: 'costs', machine, ...result }))
    break
  }
  case 'recovery': {
    const { benchRecovery } = await import('./recovery/recovery.ts')
    const result = await benchRecovery({ runs }, say)
    if (values.json) console.log(JSON.stringify({ bench: 'recovery', machine, ...result }))
    break
  }
  default:
    console.log(usage)
    process.exitCode = values.help ? 0 : 2
}
