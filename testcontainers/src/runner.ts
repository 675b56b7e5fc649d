/** Which of the ways to get a server was taken. */
export type ProviderName = 'environment' | 'docker' | 'native'

/**
 * What runs one server: a process, a container, or somebody else. The data stays from `start` to `start`,
 * until `remove`.
 */
export interface ServerRunner {
  readonly provider: ProviderName
  /** The process id of the server, where there is one of this machine. */
  readonly pid: number | undefined
  /** Starts the server on the existing data. It need not answer yet when this settles. */
  start(): Promise<void>
  /** How the server ended, when it did so by itself. */
  exited(): Promise<string | undefined>
  /** Asks the server to end, and ends it by force when it does not within some seconds. */
  stop(): Promise<void>
  /** Ends the server at once, without a chance to write anything. */
  kill(): Promise<void>
  pause(): Promise<void>
  resume(): Promise<void>
  /** The last lines of what the server has written since it was created. */
  logs(lines: number): Promise<string>
  /** Ends the server and removes its data. May be called again. */
  remove(): Promise<void>
}
