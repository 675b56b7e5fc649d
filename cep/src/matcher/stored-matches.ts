import type { Serde } from '@millrace/core'
import type { ByteWriter } from '@millrace/core/spi'
import { Dewey } from './dewey.ts'
import { PartialMatch, PartialMatches } from './partial-matches.ts'
import { BufferedEvent, BufferLink, BufferNode } from './shared-buffer.ts'
import { type ByteReader, writeSized, writeVarint } from './varint.ts'

/*
 * How partial matches are stored: each event once, each node once, and each link as its node, the link before it and one digit:
 * the version of a link is that of the one before it and this digit. Numbers are varints. An event that is stored by itself has a mark in
 * place of its bytes.
 */

const STORED = 0xffff_ffff

const IS_FRESH = 1
const IS_GIVEN = 2
const HAS_DEADLINE = 4

interface Stands {
  readonly node: BufferNode
  readonly version: Dewey
}

export function encodeMatches(matches: PartialMatches, events: Serde<unknown>, target: ByteWriter): void {
  const stored = new Map<BufferedEvent, number>()
  const nodes = new Map<BufferNode, number>()
  const links = new Map<BufferLink, number>()
  const order: { node: BufferNode; link: BufferLink; previous: BufferLink | null }[] = []
  for (const { node, version } of [...matches.runs, ...matches.held]) addPath(node, version, links, order)
  for (const { node } of order) {
    if (!nodes.has(node)) nodes.set(node, nodes.size)
    if (!stored.has(node.event)) stored.set(node.event, stored.size)
  }
  writeVarint(matches.starts, target)
  writeVarint(matches.sequence, target)
  writeVarint(stored.size, target)
  for (const { value, timestamp, sequence, isStored } of stored.keys()) {
    target.writeFloat64(timestamp)
    writeVarint(sequence, target)
    if (isStored) target.writeUint32(STORED)
    else writeSized(target, (into) => events.encode(value, into))
  }
  writeVarint(nodes.size, target)
  for (const { position, event } of nodes.keys()) {
    writeVarint(position, target)
    writeVarint(stored.get(event) as number, target)
  }
  writeVarint(order.length, target)
  for (const { node, link, previous } of order) {
    writeVarint(nodes.get(node) as number, target)
    writeVarint(previous === null ? 0 : (links.get(previous) as number) + 1, target)
    writeVarint(link.version.digit, target)
  }
  const writeStand = ({ node, version }: Stands): void => {
    writeVarint(links.get(node.linkOf(version)) as number, target)
    writeVarint(version.digit, target)
  }
  writeVarint(matches.runs.length, target)
  for (const run of matches.runs) {
    writeStand(run)
    writeVarint(run.open, target)
    const hasDeadline = run.deadlineMs < Number.POSITIVE_INFINITY
    const flags = (run.isFresh ? IS_FRESH : 0) | (run.isGiven ? IS_GIVEN : 0) | (hasDeadline ? HAS_DEADLINE : 0)
    target.writeUint8(flags)
    if (hasDeadline) target.writeFloat64(run.deadlineMs)
  }
  writeVarint(matches.held.length, target)
  for (const held of matches.held) writeStand(held)
}

/** Adds the links that lead back from here, the first ones first. */
function addPath(
  last: BufferNode,
  version: Dewey,
  links: Map<BufferLink, number>,
  order: { node: BufferNode; link: BufferLink; previous: BufferLink | null }[],
): void {
  const path: { node: BufferNode; link: BufferLink }[] = []
  let node: BufferNode | null = last
  let of: Dewey = version
  let known: BufferLink | null = null
  while (node !== null) {
    const link: BufferLink = node.linkOf(of)
    if (links.has(link)) {
      known = link
      break
    }
    path.push({ node, link })
    of = link.version
    node = link.previous
  }
  for (const { node: at, link } of path.reverse()) {
    links.set(link, order.length)
    order.push({ node: at, link, previous: known })
    known = link
  }
}

export function decodeMatches(reader: ByteReader, events: Serde<unknown>): PartialMatches {
  const matches = new PartialMatches()
  matches.starts = reader.varint()
  matches.sequence = reader.varint()
  const unread: BufferedEvent[] = []
  const stored = list(reader, () => {
    const timestamp = reader.float64()
    const sequence = reader.varint()
    const isStored = reader.skipsMark(STORED)
    const value = isStored ? undefined : reader.decode((bytes, start, end) => events.decode(bytes, start, end))
    const event = new BufferedEvent(value, timestamp, sequence)
    event.isStored = isStored
    if (isStored) unread.push(event)
    return event
  })
  matches.unread = unread
  const nodes = list(reader, () => new BufferNode(reader.varint(), stored[reader.varint()] as BufferedEvent))
  const links: { node: BufferNode; link: BufferLink; start: BufferedEvent }[] = []
  list(reader, () => {
    const node = nodes[reader.varint()] as BufferNode
    const before = links[reader.varint() - 1]
    const version = new Dewey(before?.link.version ?? null, reader.varint())
    const link = new BufferLink(version, before?.node ?? null)
    if (before !== undefined) before.link.references++
    matches.buffer.add(node, link)
    links.push({ node, link, start: before?.start ?? node.event })
  })
  const readStand = () => {
    const { node, link, start } = links[reader.varint()] as (typeof links)[number]
    link.references++
    return { node, version: new Dewey(link.version, reader.varint()), start }
  }
  matches.runs = list(reader, () => {
    const { node, version, start } = readStand()
    const open = reader.varint()
    const flags = reader.varint()
    const run = new PartialMatch(node, version, open, (flags & IS_FRESH) !== 0, start.timestamp, start.sequence)
    run.isGiven = (flags & IS_GIVEN) !== 0
    if ((flags & HAS_DEADLINE) !== 0) run.deadlineMs = reader.float64()
    matches.deadlineMs = Math.min(matches.deadlineMs, run.deadlineMs)
    return run
  })
  matches.held = list(reader, () => {
    const { node, version, start } = readStand()
    return { node, version, startSequence: start.sequence }
  })
  return matches
}

function list<T>(reader: ByteReader, read: () => T): T[] {
  return Array.from({ length: reader.varint() }, read)
}
