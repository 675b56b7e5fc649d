import {
  AuthenticationError,
  type Connection,
  type saslAuthenticateV2,
  saslOAuthBearer,
  saslPlain,
  saslScramSha,
} from '@platformatic/kafka'
import type { DataConnection } from './data-connection.ts'
import type { SaslOptions } from './options.ts'
import { refusedToken } from './refused-token.ts'
import { errorName } from './server-error.ts'

type Authenticate = typeof saslAuthenticateV2.api

/** The request's header is in the old form. Source: Kafka protocol guide, SaslHandshake (key 17), version 1. */
const handshake = { apiKey: 17, apiVersion: 1, isFlexible: false }
/** Source: Kafka protocol guide, SaslAuthenticate (key 36), version 2, which all servers from 2.5 on know. */
const authenticate = { apiKey: 36, apiVersion: 2 }

/**
 * Logs in, with the mechanisms of the client library.
 * @returns how long the server takes the log-in for valid, in milliseconds; 0 for ever
 * @throws AuthenticationError when the server refuses
 */
export async function logIn(connection: DataConnection, sasl: SaslOptions): Promise<number> {
  const mechanism = sasl.mechanism.toUpperCase()
  const answer = await connection.request(handshake, (frame) => {
    const name = Buffer.from(mechanism)
    frame.int16(name.length)
    frame.bytes(name)
  })
  const refused = answer.int16()
  if (refused !== 0) throw new AuthenticationError(`${mechanism} is not possible: ${errorName(refused)}`)
  const step = stepOver(connection)
  // The mechanisms only hand the connection on to the step, which has its own.
  const none = undefined as unknown as Connection
  const { sessionLifetimeMs } = await perform(step, none, sasl)
  return Number(sessionLifetimeMs)
}

function perform(
  step: Authenticate,
  connection: Connection,
  sasl: SaslOptions,
): Promise<{ readonly sessionLifetimeMs: bigint }> {
  switch (sasl.mechanism) {
    case 'plain':
      return saslPlain.authenticate(step, connection, sasl.username, sasl.password)
    case 'scram-sha-256':
      return saslScramSha.authenticate(step, connection, 'SHA-256', sasl.username, sasl.password)
    case 'scram-sha-512':
      return saslScramSha.authenticate(step, connection, 'SHA-512', sasl.username, sasl.password)
    case 'oauthbearer':
      return withToken(step, connection, sasl.token)
  }
}

async function withToken(
  step: Authenticate,
  connection: Connection,
  token: Extract<SaslOptions, { mechanism: 'oauthbearer' }>['token'],
): Promise<{ readonly sessionLifetimeMs: bigint }> {
  const answer = await saslOAuthBearer.authenticate(step, connection, token, {})
  const refused = refusedToken(answer.authBytes)
  if (refused !== undefined) throw refused
  return answer
}

/** One message to the server and its answer, as the mechanisms call it. */
function stepOver(data: DataConnection): Authenticate {
  const step = async (bytes: Buffer) => {
    const answer = await data.request(authenticate, (frame) => {
      frame.compactLength(bytes.length)
      frame.bytes(bytes)
      frame.noTags()
    })
    const errorCode = answer.int16()
    const errorMessage = answer.compactString()
    if (errorCode !== 0) throw new AuthenticationError(errorMessage || errorName(errorCode))
    const length = Math.max(answer.compactLength(), 0)
    const authBytes = answer.bytes.subarray(answer.at, answer.at + length)
    answer.at += length
    return { errorCode, errorMessage, authBytes, sessionLifetimeMs: BigInt(answer.int64()) }
  }
  const withCallback = (
    _connection: Connection,
    bytes: Buffer,
    callback?: (error: Error | null, response?: Awaited<ReturnType<typeof step>>) => void,
  ): void => {
    step(bytes).then(
      (response) => callback?.(null, response),
      (error: Error) => callback?.(error),
    )
  }
  const promised = (_connection: Connection, bytes: Buffer): ReturnType<typeof step> => step(bytes)
  return Object.assign(withCallback, { async: promised, key: authenticate.apiKey, version: authenticate.apiVersion })
}
