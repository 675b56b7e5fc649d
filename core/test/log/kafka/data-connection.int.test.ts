import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { DataConnection } from '../../../src/log/kafka/data-connection.ts'
import { type KafkaOptions, kafkaSettings } from '../../../src/log/kafka/options.ts'
import { until } from '../../contract/log-contract/fixture.ts'

const ping = { apiKey: 1, apiVersion: 12 }
const apiKeyAt = 4
const correlationAt = 8
const saslHandshake = 17
const saslAuthenticate = 36

/** Starts a server that answers as told, and connects to it. */
async function connected(
  onRequest: (socket: Socket, correlationId: number, apiKey: number) => void,
  requestTimeoutMs = 10_000,
  options: Partial<KafkaOptions> = {},
) {
  const server = createServer((socket) => {
    let bytes = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk])
      for (let end = 4 + sizeOf(bytes); sizeOf(bytes) >= 0 && bytes.length >= end; end = 4 + sizeOf(bytes)) {
        onRequest(socket, bytes.readInt32BE(correlationAt), bytes.readInt16BE(apiKeyAt))
        bytes = bytes.subarray(end)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const address = { host: '127.0.0.1', port }
  const settings = kafkaSettings({ brokers: [`127.0.0.1:${port}`], ...options })
  const connection = await DataConnection.open(address, settings, { connectTimeoutMs: 10_000, requestTimeoutMs })
  return {
    connection,
    [Symbol.asyncDispose]: async () => {
      await connection.close()
      server.close()
    },
  }
}

function sizeOf(bytes: Buffer): number {
  return bytes.length < 4 ? -1 : bytes.readInt32BE(0)
}

function answer(correlationId: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(9)
  head.writeInt32BE(5 + body.length, 0)
  head.writeInt32BE(correlationId, 4)
  return Buffer.concat([head, body])
}

/** No error and no mechanisms, behind a header of the old form. */
function handshaken(correlationId: number): Buffer {
  const bytes = Buffer.alloc(4 + 4 + 2 + 4)
  bytes.writeInt32BE(10, 0)
  bytes.writeInt32BE(correlationId, 4)
  return bytes
}

describe('a connection for records', () => {
  it('gives each request its own answer, large ones whole, also when they come in another order', async () => {
    const held: number[] = []
    await using open = await connected((socket, id) => {
      held.push(id)
      if (held.length < 3) return
      for (const each of held.toReversed()) socket.write(answer(each, Buffer.alloc(each * 300_000, each)))
    })
    const answers = await Promise.all([1, 2, 3].map(() => open.connection.request(ping, () => {})))
    for (const [at, cursor] of answers.entries()) {
      const id = at + 1
      expect(cursor.bytes.subarray(cursor.at).equals(Buffer.alloc(id * 300_000, id))).toBe(true)
    }
  })

  it('rejects what is under way when the server hangs up, and everything afterwards', async () => {
    await using open = await connected((socket) => socket.destroy())
    const failure = { name: 'DisconnectedError' }
    await expect(open.connection.request(ping, () => {})).rejects.toMatchObject(failure)
    expect(open.connection.isConnected()).toBe(false)
    await expect(open.connection.request(ping, () => {})).rejects.toMatchObject(failure)
  })

  it('gives a server up that does not answer in time', async () => {
    await using open = await connected(() => {}, 20)
    await expect(open.connection.request(ping, () => {})).rejects.toThrow('no answer within 20 ms')
  })

  it('ends when an answer comes that nobody asked for', async () => {
    await using open = await connected((socket, id) => socket.write(answer(id + 1, Buffer.alloc(1))))
    await expect(open.connection.request(ping, () => {})).rejects.toThrow('an answer came that nobody asked for')
  })

  it('logs in, and lets another take over before the log-in ends, once it has its answers', async () => {
    const held = Promise.withResolvers<void>()
    const closed = Promise.withResolvers<void>()
    const lifetimeMs = 20
    const sasl = { mechanism: 'plain', username: 'app', password: 'secret' } as const
    await using open = await connected(
      (socket, id, apiKey) => {
        if (apiKey === saslHandshake) socket.write(handshaken(id))
        else if (apiKey === saslAuthenticate) {
          const body = Buffer.alloc(2 + 1 + 1 + 8 + 1)
          body.writeUInt8(1, 3)
          body.writeBigInt64BE(BigInt(lifetimeMs), 4)
          socket.write(answer(id, body))
        } else {
          socket.once('close', () => closed.resolve())
          void held.promise.then(() => socket.write(answer(id, Buffer.from('late'))))
        }
      },
      10_000,
      { sasl },
    )
    const pending = open.connection.request(ping, () => {})
    await until('it takes no new users', () => !open.connection.isConnected())
    held.resolve()
    const cursor = await pending
    expect(cursor.bytes.toString('utf8', cursor.at)).toBe('late')
    await closed.promise
  })

  it('says that a log-in was refused, and by what', async () => {
    const refused = connected(
      (socket, id, apiKey) => {
        const message = 'wrong password'
        const body = Buffer.concat([Buffer.from([0, 58, message.length + 1]), Buffer.from(message), Buffer.alloc(10)])
        socket.write(apiKey === saslHandshake ? handshaken(id) : answer(id, body))
      },
      10_000,
      { sasl: { mechanism: 'plain', username: 'app', password: 'secret' } },
    )
    await expect(refused).rejects.toThrow('wrong password')
  })
})
