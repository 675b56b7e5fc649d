import { StreamError } from '../../errors.ts'
import { type Clock, sleep } from '../../time/clock.ts'
import type { GroupMember, JoinOptions, OffsetCommit } from '../log.ts'
import type { JoinRequest } from './group-coordinator.ts'
import type { MemoryStorage } from './storage.ts'
import type { Wire } from './wire.ts'

/** How long to wait before joining again after the membership was lost. */
const REJOIN_DELAY_MS = 100

/** A member of a group: joins, keeps its session alive, and joins again whenever the group rebalances. */
export class MemoryGroupMember implements GroupMember {
  readonly #storage: MemoryStorage
  readonly #options: JoinOptions
  readonly #clock: Clock
  readonly #wire: Wire
  readonly #left = new AbortController()
  #memberId: string
  #generation = -1
  #rejoins = false
  #wake: (() => void) | null = null
  #wantsRejoin = false
  #loop: Promise<void> | null = null

  constructor(storage: MemoryStorage, options: JoinOptions, clock: Clock, wire: Wire) {
    this.#storage = storage
    this.#options = options
    this.#clock = clock
    this.#wire = wire
    this.#memberId = storage.group(options.group).newMemberId()
  }

  get memberId(): string {
    return this.#memberId
  }

  /** Resolves when the member has begun to join; assignments come through `onAssigned`. */
  async start(): Promise<void> {
    await this.#wire.hop()
    this.#loop = this.#run()
  }

  rejoin(): void {
    this.#wantsRejoin = true
    this.#wake?.()
  }

  async commitOffsets(offsets: readonly OffsetCommit[]): Promise<void> {
    await this.#wire.request(() => {
      this.#storage.group(this.#options.group).checkMember(this.#memberId, this.#generation)
      this.#storage.commitOffsets(this.#options.group, offsets)
    })
  }

  async leave(): Promise<void> {
    if (this.#left.signal.aborted) return
    this.#left.abort()
    this.#wake?.()
    await this.#wire.request(() => this.#storage.group(this.#options.group).leave(this.#memberId))
    await this.#loop
  }

  async #run(): Promise<void> {
    while (!this.#left.signal.aborted) {
      try {
        await this.#join()
        await this.#keepAlive()
      } catch (error) {
        if (this.#left.signal.aborted) return
        await this.#recover(error)
      }
    }
  }

  /** The group refuses with FENCED whoever missed a rebalance; it is enough to join again, unless the membership is gone. */
  async #recover(error: unknown): Promise<void> {
    if (StreamError.is(error) && error.code === 'FENCED') {
      const group = this.#storage.group(this.#options.group)
      if (!(await this.#wire.request(() => group.hasMember(this.#memberId)))) this.#lose()
      return
    }
    this.#options.onLost(error)
    await sleep(this.#clock, REJOIN_DELAY_MS)
  }

  /** Tells the owner, and goes on as a new member. */
  #lose(): void {
    if (this.#left.signal.aborted) return
    const { group, onLost } = this.#options
    onLost(new StreamError('LOG_FAILED', `The session of member ${this.#memberId} in group ${group} has expired.`))
    this.#memberId = this.#storage.group(group).newMemberId()
    this.#rejoins = false
  }

  async #join(): Promise<void> {
    const { group, metadata, assign, onAssigned, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    this.#wantsRejoin = false
    const coordinator = this.#storage.group(group)
    const request: JoinRequest = {
      memberId: this.#memberId,
      rejoins: this.#rejoins,
      metadata: metadata(),
      sessionTimeoutMs,
      rebalanceTimeoutMs,
    }
    const joined = await this.#wire.request(() => {
      // A request that `leave` has overtaken must not make a member that nobody is behind.
      if (this.#left.signal.aborted) throw new StreamError('LOG_FAILED', 'The member left before it had joined.')
      this.#rejoins = true
      return coordinator.join(request)
    })
    if (this.#left.signal.aborted) return
    this.#generation = joined.generation
    const assignments = joined.members === null ? null : assign(joined.members)
    const assignment = await this.#wire.request(() => coordinator.sync(this.#memberId, joined.generation, assignments))
    if (!this.#left.signal.aborted) onAssigned(assignment)
  }

  /** Returns when the group wants everybody to join again. */
  async #keepAlive(): Promise<void> {
    const { group, heartbeatIntervalMs } = this.#options
    while (!this.#left.signal.aborted && !this.#wantsRejoin) {
      await this.#pause(heartbeatIntervalMs)
      if (this.#left.signal.aborted || this.#wantsRejoin) return
      const answer = await this.#wire.request(() =>
        this.#storage.group(group).heartbeat(this.#memberId, this.#generation),
      )
      if (answer === 'rebalance') return
      if (answer === 'unknown') {
        this.#lose()
        return
      }
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.setTimer(delayMs, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }
}
