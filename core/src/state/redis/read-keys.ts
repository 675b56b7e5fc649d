import { StreamError } from '../../errors.ts'
import { asBuffer } from '../../structure/buffer.ts'
import type { AppliedEntries, StateEntry, StateKey } from '../backend.ts'
import type { RedisConnection } from './connection.ts'
import { pairOf, type TaskKeys } from './keys.ts'
import { sendOne } from './pipeline.ts'
import { callOf, readScript } from './scripts.ts'

/** Reads keys of a state without owning the task, all at one moment. */
export async function readKeys(
  connection: RedisConnection,
  taskKeys: TaskKeys,
  state: string,
  keys: readonly StateKey[],
): Promise<AppliedEntries | 'applying' | null> {
  const places = keys.flatMap(({ keyGroup, key }) => {
    const pair = pairOf(state, keyGroup)
    return [taskKeys.values(pair), taskKeys.map(pair, key)]
  })
  const fields = keys.map(({ key }) => key)
  const reply = (await sendOne(connection, 'read keys', (asText) =>
    callOf(readScript, asText, 1 + places.length, taskKeys.header, ...places, ...fields.map(asBuffer)),
  )) as [Buffer, ...(Buffer | Buffer[] | null)[]]
  const [status, epoch, ...found] = reply
  switch (String(status)) {
    case 'OK':
      return { epoch: Number(String(epoch)), entries: keys.map((key, at) => entriesOf(state, key, found, at)) }
    case 'APPLYING':
      return 'applying'
    case 'NONE':
      return null
    default:
      throw new StreamError(
        'STATE_CORRUPT',
        `the stored state has version ${JSON.stringify(String(epoch))}, which this version of Millrace does not read`,
        { where: { server: connection.address } },
      )
  }
}

function entriesOf(
  state: string,
  { keyGroup, key }: StateKey,
  found: readonly (Buffer | Buffer[] | null | undefined)[],
  at: number,
): StateEntry[] {
  const value = found[2 * at] as Buffer | null
  const subs = found[2 * at + 1] as Buffer[]
  const entries: StateEntry[] = value === null ? [] : [{ state, keyGroup, key, sub: null, value }]
  for (let i = 0; i < subs.length; i += 2) {
    entries.push({ state, keyGroup, key, sub: subs[i] as Buffer, value: subs[i + 1] as Buffer })
  }
  return entries
}
