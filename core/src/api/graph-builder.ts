import { GraphError } from '../errors.ts'
import type { Operator } from '../operator/operator.ts'
import type { SignalUse } from '../operator/signal/function-signals.ts'
import type {
  Combiner,
  LogicalEdge,
  LogicalGraph,
  LogicalNode,
  OperatorNode,
  OperatorSemantics,
  SinkNode,
  SourceNode,
  Traits,
} from '../plan/logical-graph.ts'
import { callSite } from './call-site.ts'

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }
export type BuildingNode = Mutable<SourceNode> | Mutable<OperatorNode> | Mutable<SinkNode>

export interface OperatorSpec {
  readonly type: string
  readonly inputs: readonly LogicalEdge[]
  readonly create: () => Operator
  readonly stateful?: boolean
  readonly keyed?: boolean
  readonly bounded?: boolean
  readonly signals?: SignalUse
  readonly waitsForEventTime?: boolean
  readonly semantics?: OperatorSemantics
  readonly traits?: Traits
  readonly combiner?: Combiner | null
}

/** Gathers the nodes of one graph while the job's function runs. */
export class GraphBuilder {
  readonly #job: string
  readonly #nodes: BuildingNode[] = []
  #sealed = false

  constructor(job: string) {
    this.#job = job
  }

  source(type: string, source: SourceNode['source']): BuildingNode {
    return this.#add({ ...this.#base(type, []), kind: 'source', source })
  }

  operator({
    type,
    inputs,
    create,
    stateful = false,
    keyed = false,
    bounded = false,
    signals,
    waitsForEventTime = false,
    semantics,
    traits,
    combiner,
  }: OperatorSpec): BuildingNode {
    const known = {
      ...(bounded ? { bounded } : {}),
      ...(signals === undefined ? {} : { signals }),
      ...(waitsForEventTime ? { waitsForEventTime } : {}),
      ...(semantics === undefined ? {} : { semantics }),
      ...(traits === undefined ? {} : { traits }),
      ...(combiner == null ? {} : { combiner }),
    }
    return this.#add({ ...this.#base(type, inputs), kind: 'operator', create, stateful, keyed, ...known })
  }

  sink(type: string, input: LogicalEdge, sink: SinkNode['sink']): BuildingNode {
    return this.#add({ ...this.#base(type, [input]), kind: 'sink', sink })
  }

  /** How many nodes there are. */
  get size(): number {
    return this.#nodes.length
  }

  /** The nodes that were added after there were `size`. */
  addedSince(size: number): readonly BuildingNode[] {
    return this.#nodes.slice(size)
  }

  build(): LogicalGraph {
    this.#sealed = true
    return { job: this.#job, nodes: this.#nodes.map((node) => ({ ...node }) as LogicalNode) }
  }

  #base(type: string, inputs: readonly LogicalEdge[]): Omit<SourceNode, 'kind' | 'source'> {
    return { id: this.#nodes.length, uid: null, name: type, type, callSite: callSite(), inputs }
  }

  #add(node: BuildingNode): BuildingNode {
    if (this.#sealed) {
      throw new GraphError(
        `'${node.type}' was added at ${node.callSite} after the job's function had returned; build the whole graph within it, synchronously.`,
        { where: { job: this.#job } },
      )
    }
    this.#nodes.push(node)
    return node
  }
}
