import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Runs a file of this folder in a process of its own, so that its peak of memory is its own; it writes its outcome as JSON. */
export async function inOwnProcess<Outcome>(name: string, options: object): Promise<Outcome> {
  const file = fileURLToPath(new URL(name, import.meta.url))
  const args = ['--conditions=@millrace/source', '--max-old-space-size=16384', file, JSON.stringify(options)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 26 })
  return JSON.parse(stdout) as Outcome
}
