import { ServerError } from '../errors.ts'
import type { ProviderName } from '../runner.ts'

export interface RedisServerOptions {
  /** How to get the server. Default: the environment's, else Docker, else a process of this machine. */
  readonly provider?: ProviderName
  /** Further settings, as on the command line of redis-server: `['--maxmemory', '64mb']`. They win over the others. */
  readonly args?: readonly string[]
  /** Clients must authenticate with it. Default: none. */
  readonly password?: string
  /** Writes every command to the append-only file, so that data survives `restart()` and `kill()`. Default: true. */
  readonly appendonly?: boolean
  /**
   * When the append-only file reaches the disk. Default `always`: what was acknowledged is there after `kill()`.
   * `no` keeps that too (the file was written, only not synced) and is faster; `everysec` may lose up to 2 s.
   */
  readonly appendfsync?: 'always' | 'everysec' | 'no'
}

export interface RedisSettings extends RedisServerOptions {
  readonly port: number
  /** The data folder. */
  readonly folder: string
  /** The interface to listen on. */
  readonly bind: string
  readonly role?: RedisRole | undefined
}

/** What a server is when it is not on its own. The bus of a node of a cluster listens on port + 10000. */
export type RedisRole = 'cluster' | 'sentinel'

/** The text of redis.conf. The password is here and not among the arguments, which every user of the machine sees. */
export function redisConfig(settings: RedisSettings): string {
  const lines: (readonly string[])[] = [
    ['port', String(settings.port)],
    ['bind', settings.bind],
    ['protected-mode', 'no'],
    ['dir', settings.folder],
    ['daemonize', 'no'],
    ['save', ''],
    ['appendonly', settings.appendonly === false ? 'no' : 'yes'],
    ['appendfsync', settings.appendfsync ?? 'always'],
    // The default (100 % growth over 64 MB) is about files that grow for weeks.
    ['auto-aof-rewrite-percentage', '0'],
  ]
  if (settings.password !== undefined) lines.push(['requirepass', settings.password])
  if (settings.password !== undefined) lines.push(['masterauth', settings.password])
  if (settings.role === 'cluster') {
    lines.push(['cluster-enabled', 'yes'], ['cluster-config-file', 'nodes.conf'], ['cluster-node-timeout', '2000'])
  }
  lines.push(...splitArgs(settings.args ?? []))
  return lines.map(([name, ...values]) => `${[name, ...values.map(quote)].join(' ')}\n`).join('')
}

/** `['--maxmemory', '64mb', '--save', '60', '1']` as lines of redis.conf. */
function splitArgs(args: readonly string[]): string[][] {
  const lines: string[][] = []
  for (const arg of args) {
    if (arg.startsWith('--')) lines.push([arg.slice(2)])
    else if (lines.length > 0) lines.at(-1)?.push(arg)
    else
      throw new ServerError('OPTION_INVALID', `args must start with a setting like --maxmemory, but starts with ${arg}`)
  }
  return lines
}

function quote(value: string): string {
  if (/[\r\n\0]/.test(value)) throw new ServerError('OPTION_INVALID', 'a Redis setting may not hold a line break')
  return `"${value.replace(/["\\]/g, '\\$&')}"`
}
