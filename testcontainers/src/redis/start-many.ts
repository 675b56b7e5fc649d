import type { RedisServer } from './server.ts'

/** Starts so many at once. When one of them cannot be started, none is left. */
export async function startMany(count: number, start: () => Promise<RedisServer>): Promise<RedisServer[]> {
  const results = await Promise.allSettled(Array.from({ length: count }, start))
  const servers = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed === undefined) return servers
  await stopAll(servers)
  throw failed.reason
}

export async function stopAll(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()))
}
