import type { Server } from './server.ts'

/** Waits for servers that are being started. When one of them cannot be started, none is left. */
export async function startAll<S extends Server>(starting: readonly Promise<S>[]): Promise<S[]> {
  const results = await Promise.allSettled(starting)
  const servers = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed === undefined) return servers
  await stopAll(servers)
  throw failed.reason
}

export async function stopAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()))
}
