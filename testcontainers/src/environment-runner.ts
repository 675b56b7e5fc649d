import { ServerError } from './errors.ts'
import type { ServerRunner } from './runner.ts'

/** A server that runs already and is shared with others: it answers, but cannot be controlled. */
export class EnvironmentRunner implements ServerRunner {
  readonly provider = 'environment'
  readonly pid: undefined = undefined
  readonly #variable: string

  constructor(variable: string) {
    this.#variable = variable
  }

  async start(): Promise<void> {}

  async exited(): Promise<undefined> {
    return undefined
  }

  async stop(): Promise<void> {
    throw this.#refusal('restarted')
  }

  async kill(): Promise<void> {
    throw this.#refusal('killed')
  }

  async pause(): Promise<void> {
    throw this.#refusal('paused')
  }

  async resume(): Promise<void> {
    throw this.#refusal('resumed')
  }

  async logs(): Promise<string> {
    return ''
  }

  async remove(): Promise<void> {}

  #refusal(what: string): ServerError {
    return new ServerError(
      'NOT_OURS',
      `the server of ${this.#variable} cannot be ${what}: unset ${this.#variable}, or start with provider: 'native' or 'docker'`,
    )
  }
}
