import { FencedError } from '../../errors.ts'
import type { CancelTimer, Clock } from '../../time/clock.ts'
import type { GroupAssignment, GroupMemberInfo } from '../log.ts'

export interface JoinRequest {
  readonly memberId: string
  /** True when the member joined before under this id; then the group must still know it. */
  readonly rejoins: boolean
  readonly metadata: Uint8Array
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
}

export interface Joined {
  readonly generation: number
  /** For the leader: everybody. Null for the others. */
  readonly members: readonly GroupMemberInfo[] | null
}

export type HeartbeatAnswer = 'ok' | 'rebalance' | 'unknown'

interface Member {
  request: JoinRequest
  joining: PromiseWithResolvers<Joined> | null
  syncing: PromiseWithResolvers<Uint8Array> | null
  cancelSession: CancelTimer
}

/** A timer that is so late tells that nothing else could run either. */
const STOOD_STILL_MS = 100

/**
 * The server's side of a consumer group, with Kafka's classic protocol: all members join, one of them assigns, all are given
 * their assignment; a member that stays silent for its session's time is put out, and everything begins anew.
 */
export class GroupCoordinator {
  readonly #name: string
  readonly #clock: Clock
  readonly #members = new Map<string, Member>()
  #state: 'stable' | 'joining' | 'assigning' = 'stable'
  #generation = 0
  #leader: string | null = null
  #assignments = new Map<string, Uint8Array>()
  #cancelRebalance: CancelTimer | null = null
  #serial = 0

  constructor(name: string, clock: Clock) {
    this.#name = name
    this.#clock = clock
  }

  newMemberId(): string {
    return `${this.#name}-${++this.#serial}`
  }

  /** @throws FENCED for a member that was put out meanwhile */
  join(request: JoinRequest): Promise<Joined> {
    if (request.rejoins && !this.#members.has(request.memberId)) throw this.#unknown(request.memberId)
    const joining = Promise.withResolvers<Joined>()
    this.#members.get(request.memberId)?.cancelSession()
    this.#members.set(request.memberId, { request, joining, syncing: null, cancelSession: () => {} })
    this.#beginRebalance()
    this.#completeJoin(false)
    return joining.promise
  }

  /** The leader brings the assignments; everybody gets its own. @throws FENCED for a member of another generation */
  sync(memberId: string, generation: number, assignments: readonly GroupAssignment[] | null): Promise<Uint8Array> {
    const member = this.#current(memberId, generation)
    if (this.#state === 'joining') throw this.#rebalancing(memberId)
    const syncing = Promise.withResolvers<Uint8Array>()
    member.syncing = syncing
    this.#refresh(memberId, member)
    if (assignments !== null && this.#state === 'assigning') {
      this.#assignments = new Map(assignments.map(({ memberId: id, assignment }) => [id, assignment]))
      this.#state = 'stable'
    }
    if (this.#state === 'stable') this.#distribute()
    return syncing.promise
  }

  heartbeat(memberId: string, generation: number): HeartbeatAnswer {
    const member = this.#members.get(memberId)
    if (member === undefined || generation !== this.#generation) return member === undefined ? 'unknown' : 'rebalance'
    this.#refresh(memberId, member)
    return this.#state === 'joining' ? 'rebalance' : 'ok'
  }

  hasMember(memberId: string): boolean {
    return this.#members.has(memberId)
  }

  leave(memberId: string): void {
    const member = this.#members.get(memberId)
    if (member === undefined) return
    this.#remove(memberId, member)
  }

  /** @throws FENCED for who is not a member of this generation */
  checkMember(memberId: string, generation: number): void {
    this.#current(memberId, generation)
  }

  #current(memberId: string, generation: number): Member {
    const member = this.#members.get(memberId)
    if (member !== undefined && generation === this.#generation) return member
    throw this.#unknown(memberId)
  }

  #unknown(memberId: string): FencedError {
    return new FencedError(
      `The member ${memberId} is no longer part of generation ${this.#generation} of group ${this.#name}.`,
    )
  }

  #rebalancing(memberId: string): FencedError {
    return new FencedError(`Group ${this.#name} began to rebalance before member ${memberId} had its assignment.`)
  }

  #remove(memberId: string, member: Member): void {
    member.cancelSession()
    this.#members.delete(memberId)
    const gone = new FencedError(`The member ${memberId} has left group ${this.#name}.`)
    member.joining?.reject(gone)
    member.syncing?.reject(gone)
    if (this.#members.size === 0) {
      this.#state = 'stable'
      this.#cancelRebalance?.()
      return
    }
    this.#beginRebalance()
    this.#completeJoin(false)
  }

  #beginRebalance(): void {
    if (this.#state === 'joining') return
    this.#state = 'joining'
    // Those who wait for an assignment of the old generation have to join again.
    for (const [id, { syncing }] of this.#members) {
      syncing?.reject(this.#rebalancing(id))
    }
    const timeoutMs = Math.max(...[...this.#members.values()].map(({ request }) => request.rebalanceTimeoutMs))
    this.#cancelRebalance?.()
    this.#cancelRebalance = this.#clock.setTimer(timeoutMs, () => this.#completeJoin(true))
  }

  #completeJoin(isDue: boolean): void {
    if (this.#state !== 'joining') return
    const waiting = [...this.#members].filter(([, { joining }]) => joining !== null)
    if (!isDue && waiting.length < this.#members.size) return
    for (const [id, member] of [...this.#members]) {
      if (member.joining !== null) continue
      member.cancelSession()
      this.#members.delete(id)
    }
    this.#cancelRebalance?.()
    if (waiting.length === 0) {
      this.#state = 'stable'
      return
    }
    this.#state = 'assigning'
    this.#generation++
    if (this.#leader === null || !this.#members.has(this.#leader)) this.#leader = waiting[0]?.[0] ?? null
    const everybody = waiting.map(([memberId, { request }]) => ({ memberId, metadata: request.metadata }))
    for (const [id, member] of waiting) {
      this.#refresh(id, member)
      member.joining?.resolve({ generation: this.#generation, members: id === this.#leader ? everybody : null })
      member.joining = null
    }
  }

  #distribute(): void {
    for (const [id, member] of this.#members) {
      member.syncing?.resolve(this.#assignments.get(id) ?? new Uint8Array(0))
      member.syncing = null
    }
  }

  #refresh(memberId: string, member: Member): void {
    member.cancelSession()
    const { sessionTimeoutMs } = member.request
    const endsAt = this.#clock.now() + sessionTimeoutMs
    member.cancelSession = this.#clock.setTimer(sessionTimeoutMs, () => {
      if (member.joining !== null || this.#members.get(memberId) !== member) return
      // The process stood still, and the member, which lives in it, could not be heard.
      if (this.#clock.now() - endsAt > STOOD_STILL_MS) this.#refresh(memberId, member)
      else this.#remove(memberId, member)
    })
  }
}
