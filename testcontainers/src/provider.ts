import { connect } from 'node:net'
import { ServerError } from './errors.ts'
import type { ProviderName } from './runner.ts'

export interface ProviderChoice {
  /** The variable that names a running server. */
  readonly variable: string
  /** The caller's choice, if any. */
  readonly wanted?: ProviderName | undefined
  readonly env?: NodeJS.ProcessEnv
  /** Whether Docker answers and the package to talk to it is installed. */
  readonly hasDocker?: () => Promise<boolean>
}

/**
 * Chooses how to get a server: one that the environment names, else Docker, else a process of this machine.
 * `MILLRACE_PROVIDER` overrides that order, the caller's choice overrides both.
 *
 * @throws ServerError OPTION_INVALID for an unknown name, NO_PROVIDER when the wanted one is not there
 */
export async function chooseProvider(choice: ProviderChoice): Promise<ProviderName> {
  const env = choice.env ?? process.env
  const hasDocker = choice.hasDocker ?? dockerAnswers
  const wanted = choice.wanted ?? parseProvider(env.MILLRACE_PROVIDER)
  if (wanted === 'environment' && !env[choice.variable]) {
    throw new ServerError('NO_PROVIDER', `provider 'environment' needs the variable ${choice.variable}`)
  }
  if (wanted === 'docker' && !(await hasDocker())) {
    throw new ServerError(
      'NO_PROVIDER',
      "provider 'docker' needs a Docker engine that answers and the npm package testcontainers",
    )
  }
  if (wanted !== undefined) return wanted
  if (env[choice.variable]) return 'environment'
  return (await hasDocker()) ? 'docker' : 'native'
}

function parseProvider(name: string | undefined): ProviderName | undefined {
  if (name === undefined || name === '') return undefined
  if (name === 'environment' || name === 'docker' || name === 'native') return name
  throw new ServerError('OPTION_INVALID', `MILLRACE_PROVIDER is "${name}": use environment, docker or native`)
}

/** Whether something listens on Docker's socket and the optional peer `testcontainers` is installed. */
export async function dockerAnswers(env: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  if (!(await socketAnswers(env.DOCKER_HOST ?? 'unix:///var/run/docker.sock'))) return false
  try {
    await import('testcontainers')
    return true
  } catch (error) {
    // Not installed: the native provider does it.
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return false
    throw error
  }
}

function socketAnswers(address: string): Promise<boolean> {
  const url = URL.parse(address)
  if (url === null) return Promise.resolve(false)
  const target =
    url.protocol === 'unix:' || url.protocol === 'npipe:'
      ? { path: url.pathname }
      : { host: url.hostname, port: Number(url.port || 2375) }
  return new Promise((resolve) => {
    const socket = connect(target)
    const end = (answers: boolean): void => {
      socket.destroy()
      resolve(answers)
    }
    socket.setTimeout(1000, () => end(false))
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}
