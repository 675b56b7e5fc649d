import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/**
 * Runs a program in a process of its own, so that what it compiles and holds is its own. It is told its options as JSON in its first
 * argument, and prints its outcome as JSON in its last line.
 */
export async function inOwnProcess<Outcome>(
  program: URL,
  options: object,
  flags: readonly string[] = [],
): Promise<Outcome> {
  const args = ['--conditions=@millrace/source', ...flags, fileURLToPath(program), JSON.stringify(options)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 26 })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Outcome
}
