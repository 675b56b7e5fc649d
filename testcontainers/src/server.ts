import { setTimeout as delay } from 'node:timers/promises'
import { ServerError } from './errors.ts'
import { redact } from './log-tail.ts'
import type { ProviderName, ServerRunner } from './runner.ts'

const readyMillis = 60_000
/** A server of the environment runs already. */
const environmentMillis = 10_000
const startTries = 4

/** What a server can be told, whatever it is and wherever it runs. */
export abstract class Server implements AsyncDisposable {
  protected readonly runner: ServerRunner
  readonly #secrets: readonly string[]
  #stopped = false

  protected constructor(runner: ServerRunner, secrets: readonly string[]) {
    this.runner = runner
    this.#secrets = secrets
  }

  /** How the server was got. */
  get provider(): ProviderName {
    return this.runner.provider
  }

  /** The id of the server's process, when it is a running process of this machine. */
  get pid(): number | undefined {
    return this.runner.pid
  }

  /** Rejects while the server does not answer as itself. */
  protected abstract answers(): Promise<void>

  /** Ends the server at once (SIGKILL). Its data stays: `restart()` brings it back. */
  async kill(): Promise<void> {
    this.#refuseStopped()
    await this.runner.kill()
  }

  /** Freezes the server (SIGSTOP): connections stay open, nothing answers. */
  async pause(): Promise<void> {
    this.#refuseStopped()
    await this.runner.pause()
  }

  /** Lets a paused server go on. */
  async resume(): Promise<void> {
    this.#refuseStopped()
    await this.runner.resume()
  }

  /**
   * Ends the server in an orderly way if it runs, and starts it again on the same port with the same data.
   *
   * @throws ServerError SERVER_START_FAILED when it does not come back within a minute
   */
  async restart(): Promise<void> {
    this.#refuseStopped()
    await this.runner.stop()
    await this.begin()
  }

  /** The last lines that the server has logged, without secrets. */
  async logs(lines = 100): Promise<string> {
    return redact(await this.runner.logs(lines), this.#secrets)
  }

  /** Ends the server and removes its data; a server of the environment is left as it is. May be called again. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.runner.remove()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** Starts the server and waits until it answers. */
  protected async begin(): Promise<void> {
    await this.runner.start()
    const patience = this.provider === 'environment' ? environmentMillis : readyMillis
    const deadline = performance.now() + patience
    let last: unknown
    for (;;) {
      const end = await this.runner.exited()
      if (end !== undefined) throw await this.#startFailure(`it ${end}`, last)
      try {
        await this.answers()
        return
      } catch (error) {
        last = error
      }
      if (performance.now() > deadline) throw await this.#startFailure(`no answer in ${patience / 1000} s`, last)
      await delay(25)
    }
  }

  async #startFailure(reason: string, cause: unknown): Promise<ServerError> {
    const logs = await this.logs(40)
    const last = cause instanceof Error ? ` (${redact(cause.message, this.#secrets)})` : ''
    const shown = logs === '' ? '' : `\nThe end of its log:\n${logs}`
    return new ServerError('SERVER_START_FAILED', `the server did not start: ${reason}${last}${shown}`, { cause })
  }

  #refuseStopped(): void {
    if (this.#stopped) throw new ServerError('STOPPED', 'the server was stopped for good: start a new one')
  }
}

/** Tries again with other ports when somebody else took one between its choice and the server's bind. */
export async function startWithFreePorts<T>(start: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await start()
    } catch (error) {
      if (tries === startTries || !lostPort(error)) throw error
    }
  }
}

function lostPort(error: unknown): boolean {
  return error instanceof Error && /address already in use|port is already allocated|BindException/i.test(error.message)
}
