import { parseArgs, styleText } from 'node:util'
import { runEmbedded } from './embedded.ts'

const usage = `Finds card fraud in a stream of payments.

  npm run demo                 on the embedded log, with a live view
  npm run demo -- --kafka      on real Kafka and Redis: two workers, one of which is killed half way
  npm run demo -- --json       one JSON object as the last line

  --payments <n>   how many payments          --seed <n>   which payments
`

const { values } = parseArgs({
  options: {
    kafka: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    seed: { type: 'string', default: '7' },
    payments: { type: 'string' },
  },
})

const count = (name: string, text: string): number => {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  console.error(`--${name} must be a whole number above 0, not '${text}'.`)
  process.exit(2)
}

if (values.help) {
  console.log(usage)
} else if (values.kafka) {
  const { runOnKafka } = await import('./on-kafka.ts')
  const result = await runOnKafka({
    seed: count('seed', values.seed),
    payments: count('payments', values.payments ?? '300000'),
    say: values.json ? () => {} : (line) => console.log(line),
  })
  if (values.json) console.log(JSON.stringify(result))
  if (!result.identical) process.exitCode = 1
} else {
  const payments = count('payments', values.payments ?? '400000')
  const ratePerSecond = Math.max(1_000, Math.ceil(payments / 20))
  const result = await runEmbedded({ seed: count('seed', values.seed), payments, ratePerSecond, quiet: values.json })
  if (values.json) {
    console.log(JSON.stringify(result))
  } else {
    const { found, missed, falseAlarms } = result
    const verdict =
      missed === 0 && falseAlarms === 0 ? styleText('green', 'every fraud found, nobody wrongly stopped') : ''
    const watched = Object.entries(result.suspicions).map(([rule, count]) => `${rule} ${count}`)
    console.log(`  watched patterns, changed half way through a topic of rules: ${watched.join(', ')}`)
    console.log(
      `  ${result.payments.toLocaleString('en')} payments: ${found} frauds found, ${missed} missed, ${falseAlarms} false alarms  ${verdict}`,
    )
  }
  if (result.missed > 0 || result.falseAlarms > 0) process.exitCode = 1
}
