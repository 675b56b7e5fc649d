import { GraphError } from '../errors.ts'
import { callSite } from './call-site.ts'
import type { DataStream } from './data-stream.ts'
import type { BuildingNode } from './graph-builder.ts'

export interface SinkHandleParts<Committed> {
  /** The last node of the sink. */
  readonly node: BuildingNode
  /** All nodes before it that belong to the sink. */
  readonly inner?: readonly BuildingNode[]
  /** The stream behind the last node. */
  readonly stream: () => DataStream<Committed>
}

/** The end of a stream, and the beginning of what follows from its commit. */
export class SinkHandle<Committed = never> {
  readonly #parts: SinkHandleParts<Committed>

  constructor(parts: SinkHandleParts<Committed>) {
    this.#parts = parts
  }

  /** @internal */
  get node(): BuildingNode {
    return this.#parts.node
  }

  /** Of a sink that consists of several operators, the others are named after it: `<uid>-1`, `<uid>-2`, … */
  uid(uid: string): this {
    const { node, inner = [] } = this.#parts
    inner.forEach((own, at) => {
      own.uid ??= `${uid}-${at + 1}`
    })
    node.uid = uid
    return this
  }

  named(name: string): this {
    this.#parts.node.name = name
    return this
  }

  /**
   * What the sink commits, as a stream: each committable of a two-phase sink once, after it was published. It comes an epoch later, without
   * a timestamp. A watermark has come through when all records before it are committed.
   *
   * @throws GRAPH_INVALID for a sink that is not two-phase
   * @example
   * rows.to(writeFiles('out', jsonLines<Row>())).committed().map(({ visible }) => visible).toTopic('new-files', string())
   */
  committed(): DataStream<Committed> {
    const { node } = this.#parts
    const guarantee =
      node.kind !== 'sink' ? null : node.sink.kind === 'topic' ? 'transactional' : node.sink.sink.guarantee
    if (guarantee === 'two-phase') return this.#parts.stream()
    throw new GraphError(
      `committed() at ${callSite()}: '${node.name}' is ${guarantee}, and only a two-phase sink tells what it commits; read the topic, or branch the stream off before the sink.`,
    )
  }
}
