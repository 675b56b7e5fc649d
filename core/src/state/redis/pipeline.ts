import type { RedisConnection } from './connection.ts'

/** A command for ioredis: its name and arguments. */
export type Command = [string, ...(string | number | Buffer)[]]

/**
 * Sends the commands in one round trip and returns the replies as bytes; all keys must lie in one slot. The commands are
 * made again for each attempt, and all of them are repeated when one fails.
 */
export function sendAll(
  connection: RedisConnection,
  what: string,
  commands: (asText: boolean) => readonly Command[],
  timeoutMs?: number,
): Promise<unknown[]> {
  return connection.run(
    what,
    async (client, asText) => {
      const pipeline = client.pipeline()
      for (const [name, ...args] of commands(asText)) pipeline.callBuffer(name, ...args)
      const replies = (await pipeline.exec()) ?? []
      return replies.map(([error, reply]) => {
        if (error !== null) throw error
        return reply
      })
    },
    timeoutMs,
  )
}

/** Sends one command; the reply is bytes. */
export function sendOne(
  connection: RedisConnection,
  what: string,
  command: (asText: boolean) => Command,
  timeoutMs?: number,
): Promise<unknown> {
  return connection.run(
    what,
    (client, asText) => {
      const [name, ...args] = command(asText)
      return client.callBuffer(name, ...args)
    },
    timeoutMs,
  )
}
