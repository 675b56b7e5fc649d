import { cpus } from 'node:os'
import { parseArgs } from 'node:util'

const usage = `Measures Millrace on this machine.

  npm run bench -- engine                     operators only, in memory
  npm run bench -- codec                      JSON of a schema against JSON.parse and JSON.stringify, on bids of Nexmark
  npm run bench -- windows                    sliding windows: the cost of a record with 1 to 60 windows over it
  npm run bench -- state                      a keyed counter: 10,000 keys to ten times more than its cache; restoring
  npm run bench -- cep [--memory] [--query x] patterns over 10,000 keys, from memory and from Kafka
  npm run bench -- cep --peers                the same from Kafka, in turns with Flink CEP
  npm run bench -- cep --long [--keys <n>]    what a pattern within a minute holds, over 10 million events of 100,000 keys
  npm run bench -- loops [--peers]            connected components and PageRank on a random graph; beside graphology
  npm run bench -- batch                      bounded jobs: word count over text, a sort, a join, beyond their memory budget
  npm run bench -- nexmark [--query q5]       from Kafka to Kafka, exactly-once, state in Redis
  npm run bench -- costs                      a commit with 10,000 changed keys, what it takes off the throughput; waiting for input
  npm run bench -- recovery                   from SIGKILL to the first committed output of the surviving worker

  --runs <n>       runs of each case, of which the median is given (default 3)
  --events <n>     nexmark, windows, state, cep: events (default 1,000,000)
  --memory         cep: from memory only
  --vertices <n>   loops: of the graph (default 100,000)
  --edges <n>      loops: of the graph (default 1,000,000)
  --rounds <n>     loops: of PageRank (default 10); codec: of all ways in turn (default 15)
  --parallelism <n> loops: tasks (default 1)
  --scale <x>      batch: part of 1 GB of text, 10 million records to sort, 5 million to join with 1 million (default 1)
  --budget <MB>    batch: memory budget (default 256)
  --case <name>    batch: only word-count, sort or join
  --peers          batch: beside Flink, in turns; needs Java 17 and Maven
  --json           one JSON object as the last line

Of nexmark:
  --peers [a,b]        beside flink and streams (Kafka Streams), which take turns with it; needs Java 17 and Maven
  --rounds <n>         as --runs
  --parallelism <a,b>  tasks of each keyed step, one after the other (default 1)
  --peer-events <n>    events for the runs that --slow names (default: as many as for the others)
  --slow <a:q,b:q>     slow runs, by system and query (default streams:q11)
  --flink-backend <b>  hashmap (default) or rocksdb
  --brokers <a,b>      use this Kafka, and topics that begin with --topic, instead of starting one
  --latency            latency at a fixed rate too (always without --query and --peers)
`

/** What may be given without a value. */
const args = process.argv.slice(2).flatMap((arg, at, all) => {
  const isAlone = arg === '--peers' && (all[at + 1] ?? '--').startsWith('--')
  return isAlone ? [arg, 'flink,streams'] : [arg]
})

const { values, positionals } = parseArgs({
  args,
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '3' },
    rounds: { type: 'string' },
    events: { type: 'string', default: '1000000' },
    vertices: { type: 'string', default: '100000' },
    edges: { type: 'string', default: '1000000' },
    scale: { type: 'string', default: '1' },
    budget: { type: 'string', default: '256' },
    case: { type: 'string', multiple: true },
    query: { type: 'string', multiple: true },
    peers: { type: 'string' },
    parallelism: { type: 'string', default: '1' },
    'peer-events': { type: 'string' },
    slow: { type: 'string', default: 'streams:q11' },
    'flink-backend': { type: 'string', default: 'hashmap' },
    brokers: { type: 'string' },
    topic: { type: 'string', default: 'nexmark' },
    latency: { type: 'boolean', default: false },
    memory: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    keys: { type: 'string', default: '100000' },
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
  case 'codec': {
    const { benchCodec } = await import('./codec/codec.ts')
    const cases = benchCodec(Number(values.rounds ?? 15), say)
    if (values.json) console.log(JSON.stringify({ bench: 'codec', machine, cases }))
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
  case 'cep': {
    if (values.long) {
      const { benchLongState } = await import('./cep/long-state.ts')
      const events = args.some((arg) => arg.startsWith('--events')) ? Number(values.events) : 10_000_000
      const result = await benchLongState({ events, keys: Number(values.keys) }, say)
      if (values.json) console.log(JSON.stringify({ bench: 'cep-long', machine, ...result }))
      break
    }
    const { benchCep } = await import('./cep/cep.ts')
    const cases = await benchCep(
      {
        runs: Number(values.rounds ?? values.runs),
        events: Number(values.events),
        from: { memory: values.peers === undefined, kafka: !values.memory },
        patterns: values.query ?? null,
        hasPeer: values.peers !== undefined,
      },
      say,
    )
    if (values.json) console.log(JSON.stringify({ bench: 'cep', machine, ...cases }))
    break
  }
  case 'loops': {
    const { benchLoops } = await import('./loops/loops.ts')
    const sizes = {
      vertices: Number(values.vertices),
      edges: Number(values.edges),
      rounds: Number(values.rounds ?? 10),
      parallelism: Number(values.parallelism),
    }
    const cases = await benchLoops({ runs, withPeer: values.peers !== undefined, ...sizes }, say)
    if (values.json) console.log(JSON.stringify({ bench: 'loops', machine, ...sizes, cases }))
    break
  }
  case 'batch': {
    const { benchBatch } = await import('./batch/batch.ts')
    const budgetBytes = Number(values.budget) * 1024 * 1024
    const options = {
      runs,
      scale: Number(values.scale),
      budgetBytes,
      only: values.case ?? null,
      withFlink: values.peers !== undefined,
    }
    const cases = await benchBatch(options, say)
    if (values.json) console.log(JSON.stringify({ bench: 'batch', machine, cases }))
    break
  }
  case 'nexmark': {
    const { benchNexmark } = await import('./nexmark/nexmark.ts')
    const { chosenSystems } = await import('./peers/systems.ts')
    const result = await benchNexmark(
      {
        rounds: Number(values.rounds ?? values.runs),
        events: Number(values.events),
        queries: values.query?.flatMap((names) => names.split(',')) ?? null,
        parallelism: values.parallelism.split(',').map(Number),
        systems: chosenSystems(values.peers?.split(',') ?? [], values['flink-backend']),
        peerEvents: values['peer-events'] === undefined ? null : Number(values['peer-events']),
        slow: values.slow.split(','),
        brokers: values.brokers ?? null,
        topic: values.topic,
        // One query, or a comparison, is looked at for its throughput; the whole bench tells both.
        latency: values.latency || (values.query === undefined && values.peers === undefined),
      },
      say,
    )
    if (result.runs.some(({ failure }) => failure !== null)) process.exitCode = 1
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
