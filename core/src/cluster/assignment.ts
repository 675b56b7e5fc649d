import { parseTaskId } from '../runtime/task-environment.ts'

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
 * Spreads the tasks of every region over the members of the running version as evenly as whole tasks allow, and so all tasks:
 * regions differ in their work, tasks of one do not. A member keeps what it owns up to its share, so a change of membership
 * moves few tasks.
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
  const regions = Map.groupBy(tasks, (task) => parseTaskId(task).region)
  for (const region of regions.values()) spread(region, active, result)
  return result
}

/** Adds the tasks of one region to what the members have. */
function spread(region: readonly string[], active: readonly MemberMetadata[], result: Map<string, string[]>): void {
  const shares = active.map((member) => ({
    member,
    all: result.get(member.memberId) as string[],
    kept: region.filter((task) => member.owned.includes(task)),
  }))
  // The larger shares go to those who have least so far, and among these to owners of most, so that nothing moves that need not.
  shares.sort((a, b) => a.all.length - b.all.length || b.kept.length - a.kept.length || byMemberId(a.member, b.member))
  const least = Math.floor(region.length / active.length)
  const larger = region.length % active.length
  const free = new Set(region)
  const dealt = shares.map(({ all, kept }, at) => {
    const capacity = at < larger ? least + 1 : least
    const mine = kept.filter((task) => free.has(task)).slice(0, capacity)
    for (const task of mine) free.delete(task)
    return { all, mine, capacity }
  })
  for (const { all, mine, capacity } of dealt) {
    for (const task of free) {
      if (mine.length >= capacity) break
      mine.push(task)
      free.delete(task)
    }
    all.push(...region.filter((task) => mine.includes(task)))
  }
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
