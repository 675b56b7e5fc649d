import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { ServerError } from '../errors.ts'

/** A reply of Redis: nested arrays of texts, numbers and nulls. */
export type Reply = string | number | null | Reply[]

export interface RedisAddress {
  readonly host: string
  readonly port: number
  readonly username?: string | undefined
  readonly password?: string | undefined
}

/**
 * Sends commands over a connection of their own and returns the replies in order (RESP 2,
 * https://redis.io/docs/latest/develop/reference/protocol-spec/).
 *
 * @throws ServerError REQUEST_FAILED when a command fails or the answer does not come within `timeoutMillis`
 */
export async function redisCommands(
  address: RedisAddress,
  commands: readonly (readonly string[])[],
  timeoutMillis = 2000,
): Promise<Reply[]> {
  const { host, port, username, password } = address
  const auth = password === undefined ? [] : [['AUTH', ...(username ? [username] : []), password]]
  const all = [...auth, ...commands]
  const socket = connect({ host, port })
  try {
    const replies = await exchange(socket, all, timeoutMillis)
    return replies.slice(auth.length)
  } catch (cause) {
    // The cause never holds the commands: one of them is the password.
    throw new ServerError('REQUEST_FAILED', `Redis at ${host}:${port}: ${(cause as Error).message}`, { cause })
  } finally {
    socket.destroy()
  }
}

function exchange(socket: Socket, commands: readonly (readonly string[])[], timeoutMillis: number): Promise<Reply[]> {
  return new Promise((resolve, reject) => {
    const replies: Reply[] = []
    let pending = Buffer.alloc(0)
    socket.setTimeout(timeoutMillis, () => reject(new Error(`no answer in ${timeoutMillis} ms`)))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('connection closed')))
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk])
      try {
        for (let parsed = parseReply(pending, 0); parsed !== undefined; parsed = parseReply(pending, 0)) {
          replies.push(parsed.reply)
          pending = pending.subarray(parsed.end)
        }
      } catch (error) {
        reject(error as Error)
      }
      if (replies.length === commands.length) resolve(replies)
    })
    for (const command of commands) socket.write(encodeCommand(command))
  })
}

export function encodeCommand(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`
}

/** One reply from `start` on, or undefined while it is incomplete. Throws the text of an error reply. */
export function parseReply(data: Buffer, start: number): { reply: Reply; end: number } | undefined {
  const lineEnd = data.indexOf('\r\n', start)
  if (lineEnd < 0) return undefined
  const line = data.toString('utf8', start + 1, lineEnd)
  const next = lineEnd + 2
  switch (String.fromCharCode(data[start] ?? 0)) {
    case '+':
      return { reply: line, end: next }
    case '-':
      throw new Error(line)
    case ':':
      return { reply: Number(line), end: next }
    case '$': {
      const length = Number(line)
      if (length < 0) return { reply: null, end: next }
      if (data.length < next + length + 2) return undefined
      return { reply: data.toString('utf8', next, next + length), end: next + length + 2 }
    }
    case '*': {
      const items: Reply[] = []
      let end = next
      for (let i = 0; i < Number(line); i++) {
        const item = parseReply(data, end)
        if (item === undefined) return undefined
        items.push(item.reply)
        end = item.end
      }
      return { reply: Number(line) < 0 ? null : items, end }
    }
    default:
      throw new Error(`not a RESP reply: ${JSON.stringify(data.toString('latin1', start, start + 20))}`)
  }
}
