import type { BuildingNode } from './graph-builder.ts'

/** The end of a stream. */
export class SinkHandle {
  readonly #node: BuildingNode

  constructor(node: BuildingNode) {
    this.#node = node
  }

  uid(uid: string): this {
    this.#node.uid = uid
    return this
  }

  named(name: string): this {
    this.#node.name = name
    return this
  }
}
