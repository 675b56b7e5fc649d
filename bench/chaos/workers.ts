import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Random } from '@millrace/core/testing'
import type { ChaosWorkerOptions } from './worker.ts'

interface WorkerProcess {
  readonly name: string
  readonly child: ChildProcess
  isFrozen: boolean
  /** Ended by us, so its end is no surprise. */
  isEnding: boolean
}

const LOG_LINES = 40

/** The worker processes of a chaos run, and what may be done to them. */
export class Workers {
  readonly unexpected: string[] = []
  readonly #options: ChaosWorkerOptions
  readonly #random: Random
  readonly #log: string[] = []
  #running: WorkerProcess[] = []
  #serial = 0

  constructor(options: ChaosWorkerOptions, seed: number) {
    this.#options = options
    this.#random = new Random(seed)
  }

  get count(): number {
    return this.#running.length
  }

  /** The end of what the workers have logged. */
  get log(): string {
    return this.#log.slice(-LOG_LINES).join('\n')
  }

  start(): string {
    const file = fileURLToPath(new URL('./worker.ts', import.meta.url))
    const name = `worker-${++this.#serial}`
    const child = spawn(process.execPath, ['--conditions=@millrace/source', file, JSON.stringify(this.#options)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    const worker: WorkerProcess = { name, child, isFrozen: false, isEnding: false }
    child.stderr?.on('data', (chunk) =>
      this.#log.push(
        ...String(chunk)
          .trimEnd()
          .split('\n')
          .map((line) => `${name}: ${line}`),
      ),
    )
    child.on('exit', (code, signal) => {
      this.#running = this.#running.filter((running) => running !== worker)
      if (!worker.isEnding) this.unexpected.push(`${name} ended with ${code ?? signal}`)
    })
    this.#running.push(worker)
    return name
  }

  /** SIGKILL, and a new worker in its place. */
  kill(): string {
    const victim = this.#victim()
    victim.isEnding = true
    victim.child.kill('SIGKILL')
    return `${victim.name}, ${this.start()} starts`
  }

  /** SIGSTOP for this long, then SIGCONT. */
  freeze(durationMs: number): string {
    const victim = this.#victim()
    victim.isFrozen = true
    victim.child.kill('SIGSTOP')
    setTimeout(() => {
      victim.isFrozen = false
      victim.child.kill('SIGCONT')
    }, durationMs)
    return victim.name
  }

  /** SIGTERM: a last commit, and a farewell to the group. */
  remove(): string {
    const victim = this.#victim()
    victim.isEnding = true
    victim.child.kill('SIGTERM')
    return victim.name
  }

  async stop(): Promise<void> {
    for (const { child } of this.#running) child.kill('SIGCONT')
    await Promise.all(
      this.#running.map((worker) => {
        worker.isEnding = true
        const exited = new Promise((resolve) => worker.child.once('exit', resolve))
        worker.child.kill('SIGTERM')
        const impatience = setTimeout(() => worker.child.kill('SIGKILL'), 20_000)
        return exited.then(() => clearTimeout(impatience))
      }),
    )
  }

  #victim(): WorkerProcess {
    return this.#random.pick(this.#running.filter((worker) => !worker.isFrozen && !worker.isEnding))
  }
}
