import { describe, expect, it } from 'vitest'
import type { GroupAssignment, GroupMember, GroupMemberInfo, Log } from '../../../src/log/log.ts'
import { bytes, type LogFixture, openWriter, unique, until, WAIT_MS } from './fixture.ts'

/** A member whose leader tells everyone who is there: "own name of all names". */
class Participant {
  readonly log: Log
  readonly group: string
  readonly topic: string
  name: string
  readonly assigned: string[] = []
  readonly lost: unknown[] = []
  /** How often the metadata was asked for. */
  asked = 0
  assigns = 0
  leaveOut: string | null = null
  #member: GroupMember | undefined

  constructor(log: Log, group: string, topic: string, name: string) {
    this.log = log
    this.group = group
    this.topic = topic
    this.name = name
  }

  get member(): GroupMember {
    if (this.#member === undefined) throw new Error(`${this.name} has not joined`)
    return this.#member
  }

  get last(): string | undefined {
    return this.assigned.at(-1)
  }

  async join(): Promise<this> {
    this.#member = await this.log.join({
      group: this.group,
      topics: [this.topic],
      metadata: () => {
        this.asked++
        return bytes(this.name)
      },
      assign: (members) => this.#assign(members),
      onAssigned: (assignment) => this.assigned.push(Buffer.from(assignment).toString('utf8')),
      onLost: (reason) => this.lost.push(reason),
      sessionTimeoutMs: 10_000,
      heartbeatIntervalMs: 200,
      rebalanceTimeoutMs: 20_000,
    })
    return this
  }

  #assign(members: readonly GroupMemberInfo[]): GroupAssignment[] {
    this.assigns++
    const name = (member: GroupMemberInfo) => Buffer.from(member.metadata).toString('utf8')
    const names = members.map(name).sort().join(',')
    return members
      .filter((member) => name(member) !== this.leaveOut)
      .map((member, partition) => ({
        memberId: member.memberId,
        assignment: bytes(`${name(member)} of ${names}`),
        partitions: partition === 0 ? [{ topic: this.topic, partition }] : [],
      }))
  }
}

async function lastIs(participant: Participant, expected: string): Promise<void> {
  await until(`${participant.name} is assigned "${expected}"`, () => participant.last === expected)
}

export function groupContract(fixture: () => LogFixture): void {
  const options = { timeout: 2 * WAIT_MS }

  async function setting(): Promise<(name: string) => Participant> {
    const { log, topic } = fixture()
    const name = await topic(2)
    const group = unique('group')
    return (participant) => new Participant(log, group, name, participant)
  }

  describe('groups', () => {
    it('makes a single member the leader and gives it what it assigned', options, async () => {
      const participant = await setting()
      const a = await participant('a').join()
      await lastIs(a, 'a of a')
      expect(a.member.memberId).not.toBe('')
      expect(a.lost).toEqual([])
      await a.member.leave()
    })

    it('lets one leader assign to all members, from the metadata of each', options, async () => {
      const participant = await setting()
      const a = await participant('a').join()
      const b = await participant('b').join()
      const c = await participant('c').join()
      const members = [a, b, c]
      for (const member of members) await lastIs(member, `${member.name} of a,b,c`)
      expect(new Set(members.map((member) => member.member.memberId)).size).toBe(3)
      for (const member of members) await member.member.leave()
    })

    it('assigns anew when a member leaves, the leader included', options, async () => {
      const participant = await setting()
      const a = await participant('a').join()
      await lastIs(a, 'a of a')
      const b = await participant('b').join()
      const c = await participant('c').join()
      await lastIs(c, 'c of a,b,c')
      await a.member.leave()
      await lastIs(b, 'b of b,c')
      await lastIs(c, 'c of b,c')
      const count = a.assigned.length
      await b.member.leave()
      await lastIs(c, 'c of c')
      expect(a.assigned.length).toBe(count)
      await c.member.leave()
    })

    it(
      'asks for the metadata again when a member rejoins, and tells every member the new assignment',
      options,
      async () => {
        const participant = await setting()
        const a = await participant('a').join()
        const b = await participant('b').join()
        await lastIs(a, 'a of a,b')
        await lastIs(b, 'b of a,b')
        const asked = b.asked
        b.name = 'changed'
        b.member.rejoin()
        await lastIs(b, 'changed of a,changed')
        await lastIs(a, 'a of a,changed')
        expect(b.asked).toBeGreaterThan(asked)
        for (const member of [a, b]) await member.member.leave()
      },
    )

    it('tells a member the assignment after a rebalance also when it did not change', options, async () => {
      const participant = await setting()
      const a = await participant('a').join()
      await lastIs(a, 'a of a')
      const count = a.assigned.length
      a.member.rejoin()
      await until('a is told again', () => a.assigned.length > count)
      expect(a.last).toBe('a of a')
      await a.member.leave()
    })

    it('gives an empty assignment to a member that the leader left out', options, async () => {
      const participant = await setting()
      const a = participant('a')
      const b = participant('b')
      a.leaveOut = 'b'
      b.leaveOut = 'b'
      await a.join()
      await b.join()
      await lastIs(a, 'a of a,b')
      await lastIs(b, '')
      for (const member of [a, b]) await member.member.leave()
    })

    it('keeps groups apart', options, async () => {
      const a = await (await setting())('a').join()
      const b = await (await setting())('b').join()
      await lastIs(a, 'a of a')
      await lastIs(b, 'b of b')
      for (const member of [a, b]) await member.member.leave()
    })

    it('commits offsets as a member, and keeps them when the group is empty', options, async () => {
      const participant = await setting()
      const a = await participant('a').join()
      await lastIs(a, 'a of a')
      const partitions = [
        { topic: a.topic, partition: 0 },
        { topic: a.topic, partition: 1 },
      ]
      await a.member.commitOffsets([{ topic: a.topic, partition: 1, offset: 42, metadata: 'epoch 7' }])
      expect(await a.log.committed(a.group, partitions)).toEqual([null, { offset: 42, metadata: 'epoch 7' }])
      await a.member.commitOffsets([{ topic: a.topic, partition: 1, offset: 43, metadata: '' }])
      await a.member.leave()
      expect(await a.log.committed(a.group, partitions)).toEqual([null, { offset: 43, metadata: '' }])
    })

    it('refuses the offsets of a member that has left', options, async () => {
      const participant = await setting()
      const a = await participant('a').join()
      await lastIs(a, 'a of a')
      await a.member.leave()
      const late = a.member.commitOffsets([{ topic: a.topic, partition: 0, offset: 9, metadata: 'late' }])
      await expect(late).rejects.toMatchObject({ code: expect.stringMatching(/LOG_FAILED|FENCED/) })
      expect(await a.log.committed(a.group, [{ topic: a.topic, partition: 0 }])).toEqual([null])
    })

    it('takes the offsets of a transaction for a group that has members', options, async () => {
      const participant = await setting()
      const a = await participant('a').join()
      await lastIs(a, 'a of a')
      const writer = await openWriter(a.log, { transactionalId: unique('writer') })
      await writer.commit(a.group, [{ topic: a.topic, partition: 0, offset: 3, metadata: 'from a transaction' }])
      expect(await a.log.committed(a.group, [{ topic: a.topic, partition: 0 }])).toEqual([
        { offset: 3, metadata: 'from a transaction' },
      ])
      await writer.close()
      await a.member.leave()
    })

    it('lets a member that left come back', options, async () => {
      const participant = await setting()
      const a = await participant('a').join()
      await lastIs(a, 'a of a')
      await a.member.leave()
      const again = await participant('again').join()
      await lastIs(again, 'again of again')
      await again.member.leave()
    })
  })
}
