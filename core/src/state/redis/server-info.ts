import type { Redis } from 'ioredis'
import type { Logger } from '../../metrics/logger.ts'
import type { RedisConnection } from './connection.ts'
import { reasonOf, withoutArguments } from './failure.ts'

/** What matters of one server's version and settings. */
export interface ServerInfo {
  readonly address: string
  readonly version: string
  readonly maxmemoryPolicy: string
  readonly appendOnly: boolean
  /** `always`, `everysec`, `no`; null where the server does not say. */
  readonly appendFsync: string | null
  readonly hasWaitAof: boolean
}

/** Asks the server, or every master of the Cluster. */
export function readServerInfo(connection: RedisConnection): Promise<ServerInfo[]> {
  return connection.run('read the server settings', (client) => {
    const servers = client.isCluster
      ? (client as { nodes(role: 'master'): Redis[] }).nodes('master')
      : [client as Redis]
    return Promise.all(servers.map(infoOf))
  })
}

/** Says through the logger which settings put state at risk. */
export function warnOfSettings(servers: readonly ServerInfo[], logger: Logger): void {
  for (const { address, maxmemoryPolicy, appendOnly } of servers) {
    if (maxmemoryPolicy !== 'noeviction') {
      logger.warn(
        { server: address, maxmemoryPolicy },
        'Redis may evict state when its memory is full: set maxmemory-policy to noeviction',
      )
    }
    if (!appendOnly) {
      logger.info({ server: address }, 'Redis keeps no append-only file: state is lost when it restarts')
    }
  }
}

async function infoOf(server: Redis): Promise<ServerInfo> {
  const info = parseInfo(await server.info())
  const { host, port } = server.options
  return {
    address: `${host}:${port}`,
    version: info.get('redis_version') ?? 'unknown',
    maxmemoryPolicy: info.get('maxmemory_policy') ?? 'unknown',
    appendOnly: info.get('aof_enabled') === '1',
    appendFsync: await settingOf(server, 'appendfsync'),
    hasWaitAof: await hasCommand(server, 'waitaof'),
  }
}

/** Managed servers do not let clients read their settings. */
async function settingOf(server: Redis, name: string): Promise<string | null> {
  try {
    const reply = (await server.call('config', 'get', name)) as string[]
    return reply[1] ?? null
  } catch (error) {
    if (isRefusal(error)) return null
    throw error
  }
}

async function hasCommand(server: Redis, name: string): Promise<boolean> {
  const [description] = (await server.call('command', 'info', name)) as unknown[]
  return Array.isArray(description)
}

function isRefusal(error: unknown): boolean {
  return /^(ERR unknown|NOPERM)/.test(reasonOf(withoutArguments(error)))
}

function parseInfo(text: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return fields
}
