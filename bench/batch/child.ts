import { type BatchSize, runCase } from './cases.ts'

/** One run, in a process of its own: what is measured is its memory too. */
const { name, size } = JSON.parse(process.argv[2] ?? '{}') as { name: string; size: BatchSize }
console.log(JSON.stringify(await runCase(name, size)))
