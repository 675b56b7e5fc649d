import type { ContainerRunner } from '../container-runner.ts'
import { openContainerEngine } from '../container-runner.ts'
import { reservePorts } from '../ports.ts'
import type { RedisServerOptions } from './options.ts'
import { redisConfig } from './options.ts'

/** The image of the Docker provider. */
export const redisImage = 'redis:7.4.2-alpine'

const configFile = '/usr/local/etc/redis/redis.conf'

export interface ContainerRedis {
  readonly runner: ContainerRunner
  readonly host: string
  readonly port: number
}

/** Prepares a Redis in a container. It is not started yet. */
export async function dockerRedis(options: RedisServerOptions): Promise<ContainerRedis> {
  const engine = await openContainerEngine()
  const reservation = await reservePorts(1)
  const [port = 0] = reservation.ports
  const config = redisConfig({ ...options, port, folder: '/data', bind: '0.0.0.0' })
  const runner = engine.create({
    image: redisImage,
    // The same port inside and outside: it stays when the container is started again.
    ports: [port],
    command: ['redis-server', configFile],
    files: [{ target: configFile, content: config }],
    onRemove: () => reservation.release(),
  })
  return { runner, host: engine.host, port }
}
