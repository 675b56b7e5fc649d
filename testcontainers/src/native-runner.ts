import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ServerError } from './errors.ts'
import { forgetFolder, forgetServer, guardFolder, guardServer } from './guard.ts'
import { tailFile } from './log-tail.ts'
import type { ServerRunner } from './runner.ts'

const stopMillis = 20_000

export interface NativeCommand {
  readonly file: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** Creates the folder of one server. It goes with this process at the latest. */
export function createServerFolder(kind: string): string {
  const folder = mkdtempSync(join(tmpdir(), `millrace-${kind}-`))
  guardFolder(folder)
  return folder
}

/** Removes the folder of a server that does not run. */
export function removeServerFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  forgetFolder(folder)
}

/** A server as a process of this machine, in a folder of its own. */
export class NativeRunner implements ServerRunner {
  readonly provider = 'native'
  readonly #folder: string
  readonly #logFile: string
  readonly #command: NativeCommand
  readonly #onRemove: () => void
  #child: ChildProcess | undefined
  #removed = false

  constructor(folder: string, command: NativeCommand, onRemove: () => void) {
    this.#folder = folder
    this.#logFile = join(folder, 'server.log')
    this.#command = command
    this.#onRemove = onRemove
  }

  get pid(): number | undefined {
    return this.#running()?.pid
  }

  async start(): Promise<void> {
    if (this.#removed) throw new ServerError('STOPPED', 'the server was stopped for good: start a new one')
    if (this.#running() !== undefined) return
    const { file, args, env } = this.#command
    const log = openSync(this.#logFile, 'a', 0o600)
    try {
      // A file, not a pipe: the server must never wait for this process to read. A session of its own: Ctrl-C and
      // kills of the process group are for the tests; the watchdog ends the server after them.
      const child = spawn(file, args, {
        cwd: this.#folder,
        detached: true,
        stdio: ['ignore', log, log],
        env: { ...process.env, ...env },
      })
      await Promise.race([
        once(child, 'spawn'),
        once(child, 'error').then(([error]) => {
          throw new ServerError('SERVER_START_FAILED', `${file} could not be run`, { cause: error })
        }),
      ])
      const { pid } = child
      if (pid !== undefined) {
        guardServer(pid)
        child.once('exit', () => forgetServer(pid))
      }
      child.unref()
      this.#child = child
    } finally {
      closeSync(log)
    }
  }

  async exited(): Promise<string | undefined> {
    const child = this.#child
    if (child === undefined) return 'was not started'
    if (child.exitCode !== null) return `exited with code ${child.exitCode}`
    return child.signalCode === null ? undefined : `was ended by ${child.signalCode}`
  }

  async stop(): Promise<void> {
    const child = this.#running()
    if (child === undefined) return
    child.kill('SIGCONT')
    child.kill('SIGTERM')
    const gaveUp = new AbortController()
    const deadline = delay(stopMillis, undefined, { signal: gaveUp.signal }).then(
      () => child.kill('SIGKILL'),
      () => false,
    )
    await this.#ended(child)
    gaveUp.abort()
    await deadline
  }

  async kill(): Promise<void> {
    const child = this.#running()
    if (child === undefined) return
    child.kill('SIGKILL')
    await this.#ended(child)
  }

  async pause(): Promise<void> {
    this.#signal('SIGSTOP')
  }

  async resume(): Promise<void> {
    this.#signal('SIGCONT')
  }

  async logs(lines: number): Promise<string> {
    return tailFile(this.#logFile, lines)
  }

  async remove(): Promise<void> {
    if (this.#removed) return
    this.#removed = true
    // The data goes anyway: nothing is gained by a clean end.
    await this.kill()
    removeServerFolder(this.#folder)
    this.#onRemove()
  }

  #running(): ChildProcess | undefined {
    const child = this.#child
    return child === undefined || child.exitCode !== null || child.signalCode !== null ? undefined : child
  }

  #signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    const child = this.#running()
    if (child === undefined) throw new ServerError('REQUEST_FAILED', 'the server does not run: call restart() first')
    child.kill(signal)
  }

  async #ended(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.ref()
    await once(child, 'exit')
  }
}
