import type { Dewey } from './dewey.ts'

const NONE: BufferedEvent[] = []

/** An event that some partial match has taken; positions that took the same event share it. */
export class BufferedEvent {
  /** Undefined until it is read, where it is stored by itself and was just restored. */
  value: unknown
  readonly timestamp: number
  /** Number of the event among those of its key. */
  readonly sequence: number
  /** Nodes with links: at how many positions it is needed. */
  nodes = 0
  /** It is stored by itself, beside the partial matches. */
  isStored = false

  constructor(value: unknown, timestamp: number, sequence: number) {
    this.value = value
    this.timestamp = timestamp
    this.sequence = sequence
  }
}

/** An event taken at a position, by all partial matches that took it there: each by a link of its own version. */
export class BufferNode {
  readonly position: number
  readonly event: BufferedEvent
  readonly links: BufferLink[] = []

  constructor(position: number, event: BufferedEvent) {
    this.position = position
    this.event = event
  }

  /** The link that leads back for a partial match of this version: the one whose version is its prefix. */
  linkOf(version: Dewey): BufferLink {
    const { links } = this
    const prefix = version.prefix
    for (let at = 0; at < links.length; at++) {
      const link = links[at] as BufferLink
      if (link.version === prefix) return link
    }
    throw new Error(`the buffer has no link for version ${version}`)
  }
}

/** Leads from an event to the one taken before it. */
export class BufferLink {
  readonly version: Dewey
  readonly previous: BufferNode | null
  /** Partial matches that stand here, and links that lead here. */
  references = 0

  constructor(version: Dewey, previous: BufferNode | null) {
    this.version = version
    this.previous = previous
  }
}

/** The shared buffer of one key: how much is in it, and what happens when a partial match lets go of its events. */
export class SharedBuffer {
  /** Links, that is, events taken; what several partial matches have in common counts once. */
  size = 0
  /** Events that have come and may not be stored by themselves, some of which may have gone already. */
  fresh: BufferedEvent[] = NONE
  /** Events that are stored by themselves and that nobody needs any more. */
  gone: BufferedEvent[] = NONE

  /** Adds that `node` was taken after `previous`. `version` is the partial match's before it took the event. */
  link(node: BufferNode, version: Dewey, previous: BufferNode | null): void {
    if (previous !== null) previous.linkOf(version).references++
    this.add(node, new BufferLink(version, previous))
  }

  add(node: BufferNode, link: BufferLink): void {
    const { event } = node
    if (node.links.length === 0 && event.nodes++ === 0 && !event.isStored) this.fresh = appended(this.fresh, event)
    node.links.push(link)
    this.size++
  }

  hold(node: BufferNode, version: Dewey): void {
    node.linkOf(version).references++
  }

  /** Lets go of what a partial match of this version holds; what nobody else needs is removed. */
  release(node: BufferNode, version: Dewey): void {
    let at: BufferNode | null = node
    let of: Dewey | null = version
    while (at !== null && of !== null) {
      const link: BufferLink = at.linkOf(of)
      link.references--
      if (link.references > 0) return
      at.links.splice(at.links.indexOf(link), 1)
      this.size--
      const { event } = at
      if (at.links.length === 0 && --event.nodes === 0 && event.isStored) this.gone = appended(this.gone, event)
      of = link.version
      at = link.previous
    }
  }
}

/** Most keys have few events at a time: those that have none share a list. */
function appended(list: BufferedEvent[], event: BufferedEvent): BufferedEvent[] {
  if (list === NONE) return [event]
  list.push(event)
  return list
}
