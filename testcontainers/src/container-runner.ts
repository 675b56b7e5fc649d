import { ServerError } from './errors.ts'
import { lastLines } from './log-tail.ts'
import type { ServerRunner } from './runner.ts'

type Testcontainers = typeof import('testcontainers')
type StartedContainer = import('testcontainers').StartedTestContainer
type Engine = import('testcontainers').ContainerRuntimeClient

export interface ContainerPlan {
  readonly image: string
  /** Published under the same numbers. */
  readonly ports: readonly number[]
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly files: readonly { readonly target: string; readonly content: string }[]
  readonly onRemove: () => void
}

/** Docker, as the optional package `testcontainers` reaches it. */
export interface ContainerEngine {
  /** The name under which published ports are reached. */
  readonly host: string
  create(plan: ContainerPlan): ContainerRunner
}

export async function openContainerEngine(): Promise<ContainerEngine> {
  const library = await import('testcontainers')
  const engine = await library.getContainerRuntimeClient()
  return { host: engine.info.containerRuntime.host, create: (plan) => new ContainerRunner(library, engine, plan) }
}

/** A server in a container. When this process dies, the reaper of `testcontainers` removes it. */
export class ContainerRunner implements ServerRunner {
  readonly provider = 'docker'
  readonly pid: undefined = undefined
  readonly #library: Testcontainers
  readonly #engine: Engine
  readonly #plan: ContainerPlan
  #container: StartedContainer | undefined
  #removed = false

  constructor(library: Testcontainers, engine: Engine, plan: ContainerPlan) {
    this.#library = library
    this.#engine = engine
    this.#plan = plan
  }

  async start(): Promise<void> {
    if (this.#removed) throw new ServerError('STOPPED', 'the server was stopped for good: start a new one')
    if (this.#container !== undefined) {
      if (!(await this.#state()).Running) await this.#handle().start()
      return
    }
    const { image, ports, command, environment, files } = this.#plan
    const container = new this.#library.GenericContainer(image)
      .withExposedPorts(...ports.map((port) => ({ container: port, host: port })))
      .withEnvironment({ ...environment })
      .withCopyContentToContainer([...files])
    if (command !== undefined) container.withCommand([...command])
    try {
      this.#container = await container.start()
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new ServerError('SERVER_START_FAILED', `a container of ${image} did not start: ${reason}`, { cause })
    }
  }

  async exited(): Promise<string | undefined> {
    if (this.#container === undefined) return 'was not started'
    const state = await this.#state()
    return state.Running ? undefined : `exited with code ${state.ExitCode}`
  }

  async stop(): Promise<void> {
    const state = await this.#state()
    if (!state.Running) return
    if (state.Paused) await this.#handle().unpause()
    await this.#handle().stop({ t: 20 })
  }

  async kill(): Promise<void> {
    if (!(await this.#state()).Running) return
    const ended = this.#handle().wait()
    await this.#handle().kill()
    await ended
  }

  async pause(): Promise<void> {
    if (!(await this.#state()).Paused) await this.#handle().pause()
  }

  async resume(): Promise<void> {
    if ((await this.#state()).Paused) await this.#handle().unpause()
  }

  async logs(lines: number): Promise<string> {
    if (this.#container === undefined) return ''
    const chunks: Buffer[] = []
    const stream = await this.#container.logs({ tail: lines })
    for await (const chunk of stream) chunks.push(Buffer.from(chunk))
    return lastLines(Buffer.concat(chunks).toString('utf8'), lines)
  }

  async remove(): Promise<void> {
    if (this.#removed) return
    this.#removed = true
    if (this.#container !== undefined) await this.#handle().remove({ force: true, v: true })
    this.#plan.onRemove()
  }

  #handle(): ReturnType<Engine['container']['getById']> {
    if (this.#container === undefined) throw new ServerError('REQUEST_FAILED', 'the container was not started')
    return this.#engine.container.getById(this.#container.getId())
  }

  async #state(): Promise<{ Running: boolean; Paused: boolean; ExitCode: number }> {
    return (await this.#handle().inspect()).State
  }
}
