/*
 * Who runs which task. The leader of the consumer group computes it from what the members say of themselves; pure, so
 * that every leader computes the same.
 *
 * Versions: members carry the hash of their job graph. The version that owns tasks runs; members of another version are
 * ready standbys and own nothing, until the last member of the running version has left.
 */

/** What a member tells the leader with every join. */
export interface MemberMetadata {
  readonly memberId: string
  readonly graphHash: string
  /** When this worker first joined, ms since the Unix epoch; decides which of two fresh versions runs. */
  readonly since: number
  readonly owned: readonly string[]
  /** The version that ran by the last assignment that this member has got. */
  readonly running?: string
  /** Tasks that this member knows to have reached the end of their input. */
  readonly finished: readonly string[]
  /** Every task of the member's graph, in order. */
  readonly tasks: readonly string[]
}

export interface TaskAssignment {
  readonly graphHash: string
  readonly tasks: readonly string[]
  /** Tasks of the job that have finished, as known to the whole group. */
  readonly finished: readonly string[]
  readonly members: number
}

/**
 * The graph hash whose members are to run: the one that owns tasks, else the one that ran before (its owner may have left
 * while others of it stand by), else the one that was there first.
 */
export function runningVersion(members: readonly MemberMetadata[]): string | null {
  const ran = new Set(members.map(({ running }) => running))
  let best: MemberMetadata | null = null
  for (const member of members) {
    if (best === null || precedes(member, best, ran)) best = member
  }
  return best?.graphHash ?? null
}

function precedes(a: MemberMetadata, b: MemberMetadata, ran: ReadonlySet<string | undefined>): boolean {
  const aOwns = a.owned.length > 0
  const bOwns = b.owned.length > 0
  if (aOwns !== bOwns) return aOwns
  const aRan = ran.has(a.graphHash)
  if (aRan !== ran.has(b.graphHash)) return aRan
  if (a.since !== b.since) return a.since < b.since
  return a.memberId < b.memberId
}

/**
 * Spreads the tasks over the members of the running version as evenly as whole tasks allow. A member keeps what it owns
 * up to its share, so a change of membership moves as few tasks as possible.
 */
export function assignTasks(members: readonly MemberMetadata[]): Map<string, TaskAssignment> {
  const version = runningVersion(members)
  const active = members.filter((member) => member.graphHash === version).sort(byMemberId)
  const finished = [...new Set(active.flatMap((member) => member.finished))].sort()
  const tasks = (active[0]?.tasks ?? []).filter((task) => !finished.includes(task))
  const owned = distribute(tasks, active)
  const assignments = new Map<string, TaskAssignment>()
  for (const member of members) {
    assignments.set(member.memberId, {
      graphHash: version ?? '',
      tasks: owned.get(member.memberId) ?? [],
      finished,
      members: members.length,
    })
  }
  return assignments
}

function distribute(tasks: readonly string[], active: readonly MemberMetadata[]): Map<string, string[]> {
  const result = new Map<string, string[]>(active.map((member) => [member.memberId, []]))
  if (active.length === 0) return result
  const least = Math.floor(tasks.length / active.length)
  let larger = tasks.length % active.length
  const free = new Set(tasks)
  // Members that own most keep the larger shares, so that nothing moves that need not.
  const byOwned = [...active].sort((a, b) => b.owned.length - a.owned.length || byMemberId(a, b))
  const share = new Map<string, number>()
  for (const member of byOwned) {
    const mine = result.get(member.memberId) as string[]
    const wanted = member.owned.filter((task) => free.has(task))
    const capacity = larger > 0 && wanted.length > least ? least + 1 : least
    if (capacity > least) larger--
    share.set(member.memberId, capacity)
    for (const task of wanted.slice(0, capacity)) {
      mine.push(task)
      free.delete(task)
    }
  }
  for (const member of byOwned) {
    const mine = result.get(member.memberId) as string[]
    let capacity = share.get(member.memberId) as number
    if (capacity === least && larger > 0) {
      capacity++
      larger--
    }
    for (const task of free) {
      if (mine.length >= capacity) break
      mine.push(task)
      free.delete(task)
    }
  }
  const order = new Map(tasks.map((task, at) => [task, at]))
  for (const mine of result.values()) mine.sort((a, b) => (order.get(a) as number) - (order.get(b) as number))
  return result
}

function byMemberId(a: MemberMetadata, b: MemberMetadata): number {
  return a.memberId < b.memberId ? -1 : a.memberId > b.memberId ? 1 : 0
}

const VERSION = 1

export function encodeMember(member: Omit<MemberMetadata, 'memberId'>): Uint8Array {
  return Buffer.from(JSON.stringify({ v: VERSION, ...member }))
}

/** Null when the bytes are not of a Millrace worker of a known version. */
export function decodeMember(memberId: string, bytes: Uint8Array): MemberMetadata | null {
  const parsed = parse(bytes)
  return parsed === null ? null : ({ ...parsed, memberId } as MemberMetadata)
}

export function encodeAssignment(assignment: TaskAssignment): Uint8Array {
  return Buffer.from(JSON.stringify({ v: VERSION, ...assignment }))
}

export function decodeAssignment(bytes: Uint8Array): TaskAssignment | null {
  return parse(bytes) as TaskAssignment | null
}

function parse(bytes: Uint8Array): object | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    // Empty or foreign bytes: a member that is not ours, or one without an assignment.
    return null
  }
  if (typeof parsed !== 'object' || parsed === null || (parsed as { v?: unknown }).v !== VERSION) return null
  return parsed
}
