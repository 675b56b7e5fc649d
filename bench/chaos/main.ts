import { parseArgs } from 'node:util'
import { runChaos } from './chaos.ts'

const usage = `Injects faults into a running job on real Kafka and Redis, and compares its output record for record.

  npm run chaos -- --minutes 10

  --minutes <n>   how long (default 3)        --seed <n>   which faults (default: by the clock; it is printed)
  --json          one JSON object as the last line
`

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const minutes = Number(values.minutes)
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed)
if (values.help) {
  console.log(usage)
} else if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error(usage)
  process.exitCode = 2
} else {
  const say = values.json ? (): void => {} : (line: string): void => console.log(line)
  say(`chaos for ${minutes} minutes, --seed ${seed}`)
  const result = await runChaos({ seed, durationMs: minutes * 60_000, betweenMs: 8_000, ratePerSecond: 2_000, say })
  if (values.json) console.log(JSON.stringify({ minutes, ...result }))
  else {
    const { counts, windows, matches, records, unexpected } = result
    for (const [name, { expected, seen, missing, duplicates, wrong }] of Object.entries({ counts, windows, matches })) {
      say(`${name}: ${expected} expected, ${seen} seen, ${missing} missing, ${duplicates} twice, ${wrong} wrong`)
    }
    for (const end of unexpected) say(`unexpected: ${end}`)
    say(result.ok ? `${records} records, each counted exactly once` : 'THE OUTPUT IS NOT EXACT')
  }
  if (!result.ok) process.exitCode = 1
}
