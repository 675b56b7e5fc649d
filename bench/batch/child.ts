import { type BatchSize, runCase } from './cases.ts'

/** One run, in a process of its own: what is measured is its memory too. */
const [name = '', size = '{}'] = process.argv.slice(2)
const result = await runCase(name, JSON.parse(size) as BatchSize)
console.log(JSON.stringify(result))
