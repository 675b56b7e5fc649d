import {
  type Connection,
  heartbeatV4,
  joinGroupV7,
  leaveGroupV4,
  offsetCommitV8,
  syncGroupV5,
} from '@platformatic/kafka'
import { StreamError } from '../../errors.ts'
import type { Logger } from '../../metrics/logger.ts'
import { sleep, waitAtMost } from '../../time/clock.ts'
import type { GroupMember, GroupMemberInfo, JoinOptions, OffsetCommit } from '../log.ts'
import type { Cluster } from './cluster.ts'
import { request } from './connections.ts'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './consumer-protocol.ts'
import { offsetTopics } from './offset-topics.ts'
import { retry } from './retry.ts'
import { code, expectOk, isRetriable, ServerError, toStreamError } from './server-error.ts'

const protocolType = 'consumer'
const protocolName = 'millrace'
const firstDelayMs = 50
const maxDelayMs = 2000
/** Beyond the time that the group may take to rebalance. */
const joinMarginMs = 10_000
const leavingPatienceMs = 3000

interface Membership {
  readonly memberId: string
  readonly generation: number
}

/**
 * A member of a consumer group (the classic protocol): joins, keeps its session alive by its own timer over a connection of
 * its own, joins again whenever the group rebalances or the membership is lost, without end until it leaves.
 */
export class KafkaGroupMember implements GroupMember {
  readonly #cluster: Cluster
  readonly #logger: Logger
  readonly #options: JoinOptions
  readonly #name: string
  readonly #closed: () => void
  readonly #leaving = new AbortController()
  #membership: Membership = { memberId: '', generation: -1 }
  #wantsRejoin = false
  /** Ends the wait for the next heartbeat. */
  #interrupt = new AbortController()
  #loop: Promise<void> | undefined
  #isLost = false

  constructor(cluster: Cluster, logger: Logger, options: JoinOptions, name: string, closed: () => void) {
    this.#cluster = cluster
    this.#logger = logger
    this.#options = options
    this.#name = name
    this.#closed = closed
  }

  get memberId(): string {
    return this.#membership.memberId
  }

  /** Resolves when the member has joined for the first time; the assignment follows through `onAssigned`. */
  async start(): Promise<void> {
    const { clock, settings } = this.#cluster
    const what = `group ${this.#options.group} cannot be joined`
    try {
      const first = await retry(
        { clock, what, timeoutMs: settings.retryTimeoutMs, isRetriable: isWorthJoining, signal: this.#leaving.signal },
        () => this.#join(),
      )
      this.#loop = this.#run(first)
    } catch (error) {
      await this.#release()
      throw error
    }
  }

  rejoin(): void {
    this.#wantsRejoin = true
    this.#interrupt.abort()
  }

  async commitOffsets(offsets: readonly OffsetCommit[]): Promise<void> {
    const { group } = this.#options
    const { memberId, generation } = this.#membership
    const { clock, settings } = this.#cluster
    const what = `the offsets of group ${group} cannot be committed`
    if (this.#leaving.signal.aborted) throw new StreamError('LOG_FAILED', `${what}: the member has left the group`)
    const topics = offsetTopics(offsets)
    await retry({ clock, what, timeoutMs: settings.retryTimeoutMs, isRetriable: isRetriableCommit }, () =>
      this.#cluster.coordinate('group', group, async (connection) => {
        const response = await request(connection, offsetCommitV8.api, group, generation, memberId, null, topics)
        for (const { name, partitions } of response.topics) {
          for (const { partitionIndex, errorCode } of partitions) {
            expectOk(errorCode, `offset of topic ${name} partition ${partitionIndex}`)
          }
        }
      }),
    )
  }

  async leave(): Promise<void> {
    if (this.#leaving.signal.aborted) return
    this.#leaving.abort()
    this.#interrupt.abort()
    const { memberId } = this.#membership
    if (memberId !== '') await this.#sayGoodbye(memberId)
    // Ends a join that waits for the others.
    await this.#release()
    await this.#loop
  }

  close(): Promise<void> {
    return this.leave()
  }

  async #run(first: Buffer): Promise<void> {
    const { clock } = this.#cluster
    let assignment: Buffer | undefined = first
    let delay = firstDelayMs
    // Whoever waits for the join to resolve has the member in hand when the first assignment comes.
    await clock.yield()
    while (!this.#leaving.signal.aborted) {
      try {
        assignment ??= await this.#join()
        this.#isLost = false
        delay = firstDelayMs
        if (this.#leaving.signal.aborted) return
        this.#options.onAssigned(assignment)
        assignment = undefined
        await this.#stay()
      } catch (error) {
        assignment = undefined
        if (this.#leaving.signal.aborted) return
        if (!isRebalance(error)) {
          this.#lost(error)
          await sleep(clock, delay, this.#leaving.signal).catch(() => undefined)
          delay = Math.min(delay * 2, maxDelayMs)
        }
      }
    }
  }

  /** Joins and returns the assignment. */
  async #join(): Promise<Buffer> {
    const { group, topics, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    this.#wantsRejoin = false
    this.#interrupt = new AbortController()
    const patienceMs = rebalanceTimeoutMs + joinMarginMs
    const coordinate = <T>(ask: (connection: Connection) => Promise<T>): Promise<T> =>
      this.#cluster.coordinate('group', group, ask, `${this.#name}/join`, patienceMs)
    try {
      return await coordinate(async (connection) => {
        let memberId = this.memberId
        for (;;) {
          const subscription = encodeSubscription(topics, this.#options.metadata())
          const protocols = [{ name: protocolName, metadata: subscription }]
          const joined = await request(
            connection,
            joinGroupV7.api,
            group,
            sessionTimeoutMs,
            rebalanceTimeoutMs,
            memberId,
            null,
            protocolType,
            protocols,
          )
          memberId = joined.memberId || memberId
          if (joined.errorCode === code.MEMBER_ID_REQUIRED) continue
          expectOk(joined.errorCode, 'join group')
          this.#membership = { memberId, generation: joined.generationId }
          const assignments =
            joined.leader === memberId
              ? this.#assign(
                  joined.members.map((member) => ({ ...member, metadata: decodeSubscription(member.metadata) })),
                )
              : []
          const synced = await request(
            connection,
            syncGroupV5.api,
            group,
            joined.generationId,
            memberId,
            null,
            protocolType,
            protocolName,
            assignments,
          )
          expectOk(synced.errorCode, 'sync group')
          return decodeAssignment(synced.assignment)
        }
      })
    } catch (error) {
      if (isMembershipGone(error)) this.#membership = { memberId: '', generation: -1 }
      throw error
    }
  }

  #assign(members: readonly GroupMemberInfo[]): { memberId: string; assignment: Buffer }[] {
    const assigned = new Map(this.#options.assign(members).map((assignment) => [assignment.memberId, assignment]))
    return members.map(({ memberId }) => {
      const own = assigned.get(memberId)
      return { memberId, assignment: encodeAssignment(own?.partitions ?? [], own?.assignment ?? new Uint8Array()) }
    })
  }

  /** Sends heartbeats until the group wants everybody to join again. @throws when the membership is lost */
  async #stay(): Promise<void> {
    const { clock } = this.#cluster
    const { group, sessionTimeoutMs, heartbeatIntervalMs } = this.#options
    let heardAt = clock.now()
    for (;;) {
      if (!this.#wantsRejoin) {
        await sleep(clock, heartbeatIntervalMs, this.#interrupt.signal).catch(() => undefined)
      }
      if (this.#wantsRejoin || this.#leaving.signal.aborted) return
      const { memberId, generation } = this.#membership
      try {
        await this.#cluster.coordinate(
          'group',
          group,
          async (connection) => {
            const response = await request(connection, heartbeatV4.api, group, generation, memberId)
            expectOk(response.errorCode, 'heartbeat')
          },
          `${this.#name}/heartbeat`,
          sessionTimeoutMs,
        )
        heardAt = clock.now()
      } catch (error) {
        if (isMembershipGone(error)) this.#membership = { memberId: '', generation: -1 }
        if (!isRetriable(error)) throw error
        if (clock.now() - heardAt >= sessionTimeoutMs) throw error
      }
    }
  }

  /** Tells once that the membership is lost, however often the attempts to join again fail. */
  #lost(error: unknown): void {
    const { group } = this.#options
    const reason = toStreamError(error, `the membership of group ${group} was lost`)
    if (this.#isLost) {
      this.#logger.warn({ group, reason: reason.message }, 'the group cannot be joined again yet')
      return
    }
    this.#isLost = true
    this.#options.onLost(reason)
  }

  async #sayGoodbye(memberId: string): Promise<void> {
    const { group } = this.#options
    const { clock } = this.#cluster
    const leave = this.#cluster.coordinate(
      'group',
      group,
      (connection) => request(connection, leaveGroupV4.api, group, [{ memberId, groupInstanceId: null }]),
      `${this.#name}/heartbeat`,
      leavingPatienceMs,
    )
    try {
      // When the server is away the session expires by itself.
      await waitAtMost(clock, leavingPatienceMs, leave)
    } catch (error) {
      this.#logger.warn({ group, reason: (error as Error).message }, 'the group could not be told that a member leaves')
    }
  }

  async #release(): Promise<void> {
    const { connections } = this.#cluster
    await Promise.all([connections.release(`${this.#name}/join`), connections.release(`${this.#name}/heartbeat`)])
    this.#closed()
  }
}

/** The group rebalances; the member is still part of it. */
function isRebalance(error: unknown): boolean {
  return error instanceof ServerError && error.code === code.REBALANCE_IN_PROGRESS
}

/** The group does not know this member any more. */
function isMembershipGone(error: unknown): boolean {
  return (
    error instanceof ServerError && (error.code === code.UNKNOWN_MEMBER_ID || error.code === code.FENCED_INSTANCE_ID)
  )
}

function isWorthJoining(error: unknown): boolean {
  return (
    isRetriable(error) ||
    isRebalance(error) ||
    isMembershipGone(error) ||
    (error instanceof ServerError && error.code === code.ILLEGAL_GENERATION)
  )
}

function isRetriableCommit(error: unknown): boolean {
  return isRetriable(error) || isRebalance(error)
}
