import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  assignTasks,
  decodeAssignment,
  decodeMember,
  encodeAssignment,
  encodeMember,
  type MemberMetadata,
  runningVersion,
} from '../../src/cluster/assignment.ts'

const tasks = (count: number): string[] => Array.from({ length: count }, (_, index) => `r/${index}`)

function member(memberId: string, given: Partial<MemberMetadata> = {}): MemberMetadata {
  return { memberId, graphHash: 'v1', since: 0, owned: [], finished: [], tasks: tasks(8), ...given }
}

const owned = (members: readonly MemberMetadata[]): Record<string, readonly string[]> =>
  Object.fromEntries([...assignTasks(members)].map(([id, assignment]) => [id, assignment.tasks]))

describe('assigning tasks to the members of a group', () => {
  it('gives a single member everything', () => {
    expect(owned([member('a')])).toEqual({ a: tasks(8) })
  })

  it('moves only what a new member needs', () => {
    const before = owned([member('a'), member('b')])
    const after = owned([member('a', { owned: before.a ?? [] }), member('b', { owned: before.b ?? [] }), member('c')])
    const kept = ['a', 'b'].flatMap((id) => (after[id] ?? []).filter((task) => before[id]?.includes(task)))
    expect(kept).toHaveLength(6)
    expect(after.c).toHaveLength(2)
  })

  it('spreads the tasks of every region, so that each member has its part of all kinds of work', () => {
    const all = ['read/0', 'read/1', 'join/0', 'join/1', 'sum/0', 'sum/1']
    expect(owned([member('a', { tasks: all }), member('b', { tasks: all })])).toEqual({
      a: ['read/0', 'join/0', 'sum/0'],
      b: ['read/1', 'join/1', 'sum/1'],
    })
  })

  it('leaves members beyond the number of tasks without one', () => {
    const members = ['a', 'b', 'c'].map((id) => member(id, { tasks: tasks(2) }))
    expect(Object.values(owned(members)).map((list) => list.length)).toEqual([1, 1, 0])
  })

  it('keeps to the version that ran while a standby of it is left, though another one joined before that', () => {
    const members = [
      member('standby', { graphHash: 'old', since: 3, running: 'old' }),
      member('waiting', { graphHash: 'new', since: 2, running: 'old' }),
    ]
    expect(runningVersion(members)).toBe('old')
    expect(runningVersion(members.slice(1))).toBe('new')
  })

  it('leaves finished tasks out and tells everybody of them', () => {
    const result = assignTasks([member('a', { finished: ['r/0', 'r/1'] }), member('b')])
    expect([...result.values()].flatMap((assignment) => assignment.tasks)).toHaveLength(6)
    expect(result.get('b')?.finished).toEqual(['r/0', 'r/1'])
  })

  it('gives every task to exactly one member of the running version, evenly, for any group', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 20 }),
        fc.infiniteStream(fc.nat()),
        (count, size, noise) => {
          const all = tasks(size)
          const draw = noise[Symbol.iterator]()
          const owners = all.map(() => (draw.next().value as number) % (count + 1))
          const members = Array.from({ length: count }, (_, index) =>
            member(`m${index}`, { tasks: all, owned: all.filter((_task, at) => owners[at] === index) }),
          )
          const lists = Object.values(owned(members))
          expect(lists.flat().sort()).toEqual([...all].sort())
          const sizes = lists.map((list) => list.length)
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
        },
      ),
    )
  })

  it('is even in every region and over all of them, and stays as it is when nothing changes', () => {
    const regions = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), regions, fc.infiniteStream(fc.nat()), (count, sizes, noise) => {
        const all = sizes.flatMap((size, region) => Array.from({ length: size }, (_, index) => `r${region}/${index}`))
        const draw = noise[Symbol.iterator]()
        const owners = all.map(() => (draw.next().value as number) % (count + 1))
        const group = (ownedBy: (index: number) => readonly string[]): MemberMetadata[] =>
          Array.from({ length: count }, (_, index) => member(`m${index}`, { tasks: all, owned: ownedBy(index) }))
        const lists = owned(group((index) => all.filter((_task, at) => owners[at] === index)))
        const isEven = (numbers: readonly number[]): boolean => Math.max(...numbers) - Math.min(...numbers) <= 1
        expect(isEven(Object.values(lists).map((list) => list.length))).toBe(true)
        for (const region of sizes.keys()) {
          const parts = Object.values(lists).map((list) => list.filter((task) => task.startsWith(`r${region}/`)))
          expect(isEven(parts.map((part) => part.length))).toBe(true)
        }
        expect(owned(group((index) => lists[`m${index}`] ?? []))).toEqual(lists)
      }),
    )
  })

  it('never takes a task from a member that is within its share', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 16 }), fc.nat(), (count, size, pick) => {
        const all = tasks(size)
        const ids = Array.from({ length: count }, (_, index) => `m${index}`)
        const before = owned(ids.map((id) => member(id, { tasks: all })))
        const left = ids[pick % count] as string
        const rest = ids.filter((id) => id !== left).map((id) => member(id, { tasks: all, owned: before[id] ?? [] }))
        const after = owned(rest)
        for (const { memberId } of rest) {
          for (const task of before[memberId] ?? []) expect(after[memberId]).toContain(task)
        }
      }),
    )
  })
})

describe('two versions in one group', () => {
  const old = member('a', { owned: tasks(4) })
  const next = member('b', { graphHash: 'v2', since: -100 })

  it('leaves everything to the version that runs', () => {
    const result = assignTasks([old, next])
    expect(result.get('a')?.tasks).toHaveLength(8)
    expect(result.get('b')).toMatchObject({ graphHash: 'v1', tasks: [] })
  })

  it('hands over when the last member of the running version has left', () => {
    expect(assignTasks([next]).get('b')).toMatchObject({ graphHash: 'v2', tasks: tasks(8) })
  })

  it('lets the version that came first run when neither owns anything', () => {
    expect(runningVersion([member('a', { since: 5 }), member('b', { graphHash: 'v2', since: 3 })])).toBe('v2')
  })
})

describe('the bytes of membership', () => {
  it('come back as they were written', () => {
    const { memberId, ...data } = member('a', { owned: ['r/1'] })
    expect(decodeMember(memberId, encodeMember(data))).toMatchObject({ memberId, ...data })
    const assignment = { graphHash: 'v1', tasks: ['r/1'], finished: [], members: 2 }
    expect(decodeAssignment(encodeAssignment(assignment))).toMatchObject(assignment)
  })

  it('are ignored when they are not ours', () => {
    expect(decodeMember('x', Buffer.from(''))).toBeNull()
    expect(decodeMember('x', Buffer.from('{"v":9}'))).toBeNull()
    expect(decodeAssignment(Buffer.alloc(0))).toBeNull()
  })
})
