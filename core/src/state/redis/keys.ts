import type { TaskAddress } from '../backend.ts'

/*
 * Where everything lies. All keys of a task share the hash tag in braces, so that a Cluster keeps them on one node and one
 * script can change them together. Parts of the tag are percent-encoded; `pair` is `<key group>:<length of state>:<state>`.
 *
 *     <prefix>:{<job>}:tasks                      set of <region>:<index>, for `clear`
 *     <prefix>:{<job>:<region>:<index>}:
 *         task                                    hash: version, takeovers, fence, operation, applied, meta, decided,
 *                                                 stage:<epoch> = <chunks> <attempt> (empty: not complete),
 *                                                 applying = <attempt> <next chunk>, clearing
 *         staged:<epoch>                          hash: <attempt>:<n> = chunk (see chunk.ts), <attempt>:meta
 *         groups                                  set of v<pair> and m<pair>: which of the following exist
 *         v:<pair>                                hash: key = value, of states with one value for a key
 *         i:<pair>                                set of the keys that have a hash of their own:
 *         m:<pair>:<key>                          hash: sub key = value, of map and list states
 *         durable                                 written before WAIT and WAITAOF, expires
 */

/** Version of this layout and of the chunks. */
export const LAYOUT_VERSION = '1'

export class TaskKeys {
  readonly base: string
  readonly header: string
  readonly groups: string
  readonly durable: string
  /** The set of the job's tasks, and what it holds for this one. */
  readonly jobTasks: string
  readonly jobMember: string

  constructor(prefix: string, address: TaskAddress) {
    const job = encodeURIComponent(address.job)
    this.jobMember = `${encodeURIComponent(address.region)}:${address.index}`
    this.jobTasks = jobTasksKey(prefix, address.job)
    this.base = `${prefix}:{${job}:${this.jobMember}}:`
    this.header = `${this.base}task`
    this.groups = `${this.base}groups`
    this.durable = `${this.base}durable`
  }

  staged(epoch: number): string {
    return `${this.base}staged:${epoch}`
  }

  values(pair: string): string {
    return `${this.base}v:${pair}`
  }

  index(pair: string): string {
    return `${this.base}i:${pair}`
  }

  map(pair: string, key: Uint8Array): Buffer {
    return Buffer.concat([Buffer.from(`${this.base}m:${pair}:`), key])
  }
}

export function jobTasksKey(prefix: string, job: string): string {
  return `${prefix}:{${encodeURIComponent(job)}}:tasks`
}

/** The address of a task from what the job's set of tasks holds. */
export function addressOfMember(job: string, member: string): TaskAddress {
  const colon = member.lastIndexOf(':')
  return { job, region: decodeURIComponent(member.slice(0, colon)), index: Number(member.slice(colon + 1)) }
}

export function pairOf(state: string, keyGroup: number): string {
  return `${keyGroup}:${Buffer.byteLength(state)}:${state}`
}

/** The state and key group of a pair. */
export function splitPair(pair: string): { readonly state: string; readonly keyGroup: number } {
  const first = pair.indexOf(':')
  const second = pair.indexOf(':', first + 1)
  return { keyGroup: Number(pair.slice(0, first)), state: pair.slice(second + 1) }
}
