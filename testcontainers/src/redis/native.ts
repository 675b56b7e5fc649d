import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServerFolder, NativeRunner, removeServerFolder } from '../native-runner.ts'
import { reservePorts } from '../ports.ts'
import { findRedisServer } from './binary.ts'
import type { RedisServerOptions } from './options.ts'
import { redisConfig } from './options.ts'

/** Where a node's cluster bus listens above its port. Redis 6 cannot be told another place. */
const clusterBusOffset = 10_000

export interface NativeRedis {
  readonly runner: NativeRunner
  readonly host: string
  readonly port: number
}

/** Prepares a Redis of this machine, as a node of a cluster if asked. It is not started yet. */
export async function nativeRedis(options: RedisServerOptions, cluster = false): Promise<NativeRedis> {
  const program = await findRedisServer()
  const reservation = await reservePorts(1, cluster ? { companion: clusterBusOffset } : {})
  const [port = 0] = reservation.ports
  const folder = createServerFolder('redis')
  try {
    const settings = { ...options, port, folder, bind: '127.0.0.1', cluster }
    writeFileSync(join(folder, 'redis.conf'), redisConfig(settings), { mode: 0o600 })
  } catch (error) {
    reservation.release()
    removeServerFolder(folder)
    throw error
  }
  const runner = new NativeRunner(folder, { file: program, args: ['redis.conf'] }, () => reservation.release())
  return { runner, host: '127.0.0.1', port }
}
