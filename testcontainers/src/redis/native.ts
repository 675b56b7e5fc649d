import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServerFolder, NativeRunner, removeServerFolder } from '../native-runner.ts'
import { reservePorts } from '../ports.ts'
import { findRedisServer } from './binary.ts'
import type { RedisRole, RedisServerOptions } from './options.ts'
import { redisConfig } from './options.ts'

/** Where a node's cluster bus listens above its port. Redis 6 cannot be told another place. */
const clusterBusOffset = 10_000

export interface NativeRedis {
  readonly runner: NativeRunner
  readonly host: string
  readonly port: number
}

/** Prepares a Redis of this machine. It is not started yet. */
export async function nativeRedis(options: RedisServerOptions, role?: RedisRole): Promise<NativeRedis> {
  const program = await findRedisServer()
  const reservation = await reservePorts(1, role === 'cluster' ? { companion: clusterBusOffset } : {})
  const [port = 0] = reservation.ports
  const folder = createServerFolder('redis')
  try {
    const settings = { ...options, port, folder, bind: '127.0.0.1', role }
    writeFileSync(join(folder, 'redis.conf'), redisConfig(settings), { mode: 0o600 })
  } catch (error) {
    reservation.release()
    removeServerFolder(folder)
    throw error
  }
  const args = role === 'sentinel' ? ['redis.conf', '--sentinel'] : ['redis.conf']
  const runner = new NativeRunner(folder, { file: program, args }, () => reservation.release())
  return { runner, host: '127.0.0.1', port }
}
