import { describe, expect, it } from 'vitest'
import { assignUids } from '../../src/plan/uid.ts'
import { edge, GraphUnderTest } from './graph-under-test.ts'

function uidsByName(graph: GraphUnderTest): Record<string, string | undefined> {
  const uids = assignUids(graph.build())
  return Object.fromEntries(graph.nodes.map((node) => [node.name, uids.get(node.id)]))
}

describe('uids of operators', () => {
  it('are those that the user gave', () => {
    const graph = new GraphUnderTest()
    graph.to(graph.map(graph.topic('in', { uid: 'A-1' }), { uid: 'b_2' }))
    const uids = assignUids(graph.build())
    expect([uids.get(0), uids.get(1)]).toEqual(['A-1', 'b_2'])
  })

  it('stay when another branch is added before them', () => {
    const before = new GraphUnderTest()
    const read = before.topic('in')
    before.to(before.count(before.map(read, { name: 'parse' }), { name: 'counts' }), 'idempotent', { name: 'end' })

    const after = new GraphUnderTest()
    after.to(after.map(after.topic('other'), { name: 'other map' }), 'idempotent', { name: 'other end' })
    const sameRead = after.topic('in')
    after.to(after.operator('filter', [edge(sameRead)], { name: 'new' }))
    after.to(after.count(after.map(sameRead, { name: 'parse' }), { name: 'counts' }), 'idempotent', { name: 'end' })

    expect(uidsByName(after)).toMatchObject(uidsByName(before))
  })

  it('change behind an operator that is put in, unless they were given', () => {
    const build = (insert: boolean): Record<string, string | undefined> => {
      const graph = new GraphUnderTest()
      const read = graph.topic('in')
      const from = insert ? graph.operator('filter', [edge(read)]) : read
      graph.to(graph.count(graph.map(from, { name: 'derived' }), { name: 'given', uid: 'given' }), 'idempotent', {
        name: 'end',
      })
      return uidsByName(graph)
    }
    const [before, after] = [build(false), build(true)]
    expect(after.derived).not.toBe(before.derived)
    expect(after.given).toBe('given')
    expect(after.end).toBe(before.end)
  })

  it('differ for operators alike on one input', () => {
    const graph = new GraphUnderTest()
    const read = graph.topic('in')
    for (let copy = 0; copy < 3; copy++) graph.to(graph.map(read))
    const uids = assignUids(graph.build())
    expect(new Set(uids.values()).size).toBe(graph.nodes.length)
    expect(uids.get(3)).toBe(`${uids.get(1)}-2`)
  })

  it('do not take one that the user gave to another operator', () => {
    const graph = new GraphUnderTest()
    const read = graph.topic('in')
    graph.to(graph.map(read, { name: 'derived' }))
    const derived = assignUids(graph.build()).get(1) as string
    graph.to(graph.map(read, { uid: derived, name: 'given' }))
    expect(uidsByName(graph)).toMatchObject({ given: derived, derived: `${derived}-2` })
  })

  it('hold only what may stand in a topic name, whatever a source calls itself', () => {
    const graph = new GraphUnderTest()
    graph.to(graph.splits({ source: '../my files: a.b/c' }))
    graph.to(graph.splits({ source: '…' }))
    graph.to(graph.splits({ source: 'x'.repeat(300) }))
    for (const uid of assignUids(graph.build()).values()) expect(uid).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$/)
  })

  it.each(['', 'a/b', 'a.b', 'a b', '-a', 'a#b', 'ä', 'a'.repeat(81)])('cannot be %j', (uid) => {
    const graph = new GraphUnderTest()
    graph.to(graph.map(graph.topic('in'), { uid, name: 'parse' }))
    expect(() => assignUids(graph.build())).toThrow(/'parse' \(map, added at job\.ts:1\) has the uid '.*'; a uid is/)
  })

  it('cannot be given twice', () => {
    const graph = new GraphUnderTest()
    graph.to(graph.map(graph.topic('in', { uid: 'same' }), { uid: 'same', name: 'parse' }))
    expect(() => assignUids(graph.build())).toThrow(
      /'parse' \(map, added at job\.ts:1\) has the uid 'same', which 'in' at job\.ts:0 has too/,
    )
  })
})
