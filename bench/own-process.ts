import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { lastLine } from './last-line.ts'

/**
 * Runs a program in a process of its own, so that what it compiles and holds is its own. It is told its options as JSON in its first
 * argument, and prints its outcome as JSON in its last line.
 */
export function inOwnProcess<Outcome>(program: URL, options: object, flags: readonly string[] = []): Promise<Outcome> {
  const args = ['--conditions=@millrace/source', ...flags, fileURLToPath(program), JSON.stringify(options)]
  return lastLine<Outcome>(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] }))
}
