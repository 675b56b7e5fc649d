import type { ExplainedExchange, ExplainedJob, ExplainedOperator, ExplainedRegion } from './describe.ts'

/** A line of the tree: what is drawn, and what stands in the column beside it. */
type Line = readonly [tree: string, details: string]

/**
 * A described job as text for people. Every region is a tree from its inputs down: operators of a chain stand under one
 * another, branches are indented, and an operator with several inputs stands under the last of them,
 * the head of a loop under what comes in from outside.
 *
 * @example
 * job fraud · 2 regions, 8 tasks · parallelism 4 of at most 128 · exactly-once · graph 5a0b6c1f2d3e
 *
 * region payments · 4 tasks
 *   ○ payments      topic-source · topic payments (6 partitions) · fraud.ts:10
 *   │ parse         map · fraud.ts:11
 *   └─► count       exchange fraud.count.0.repartition (4 partitions, by key, msgpack@1) to region count
 *
 * optimised
 *   pre-aggregate · count · records are gathered by key before they travel
 */
export function explainText(explained: ExplainedJob): string {
  const { job, hash, parallelism, maxParallelism, guarantee, regions, optimizations } = explained
  const tasks = parallelism === null ? 'tasks unknown' : count(regions.length * parallelism, 'task')
  const head = [
    `job ${job}`,
    `${count(regions.length, 'region')}, ${tasks}`,
    parallelism === null
      ? 'parallelism of the widest topic (unknown)'
      : `parallelism ${parallelism} of at most ${maxParallelism}`,
    guarantee,
    ...(hash === null ? [] : [`graph ${hash}`]),
  ].join(' · ')
  const trees = regions.map((region) => new RegionTree(region, regions).lines())
  const width = Math.max(...trees.flat().map(([tree]) => tree.length))
  const texts = regions.map(({ id, tasks: own, stateful }, at) => {
    const parts = [
      `region ${id}`,
      own === null ? 'tasks unknown' : count(own, 'task'),
      ...(stateful ? ['keeps state'] : []),
    ]
    const lines = (trees[at] as Line[]).map(([tree, details]) => `  ${tree.padEnd(width)}  ${details}`.trimEnd())
    return [parts.join(' · '), ...lines].join('\n')
  })
  const rules = optimizations.map(({ rule, uid, text }) => `  ${rule} · ${uid} · ${text}`)
  const optimised = rules.length === 0 ? [] : [['optimised', ...rules].join('\n')]
  return `${[head, ...texts, ...optimised].join('\n\n')}\n`
}

class RegionTree {
  readonly #region: ExplainedRegion
  readonly #operators: ReadonlyMap<string, ExplainedOperator>
  readonly #chainAt: ReadonlyMap<string, readonly string[]>
  readonly #exchangesOut: readonly { readonly exchange: ExplainedExchange; readonly toRegion: string }[]

  constructor(region: ExplainedRegion, regions: readonly ExplainedRegion[]) {
    this.#region = region
    this.#operators = new Map(region.operators.map((operator) => [operator.uid, operator]))
    this.#chainAt = new Map(region.chains.map((chain) => [chain[0] as string, chain]))
    this.#exchangesOut = regions.flatMap(({ id, exchangesIn }) =>
      exchangesIn.filter(({ fromRegion }) => fromRegion === region.id).map((exchange) => ({ exchange, toRegion: id })),
    )
  }

  lines(): Line[] {
    const heads: Line[] = []
    for (const operator of this.#region.operators) {
      if (operator.inputs.length === 0) heads.push(...this.#chain(operator.uid, '○ ', ''))
      operator.inputs.forEach(({ exchange }, input) => {
        const found = this.#region.exchangesIn.find(({ topic }) => topic === exchange)
        if (found !== undefined) heads.push(...this.#exchangeIn(found, operator, carrier(operator) === input))
      })
    }
    return heads
  }

  #exchangeIn(exchange: ExplainedExchange, operator: ExplainedOperator, carries: boolean): Line[] {
    const { from, tag, fromRegion, topic } = exchange
    const line: Line = [`◄ ${side(from, tag)}`, `exchange ${topic} from region ${fromRegion}`]
    return [line, ...(carries ? this.#chain(operator.uid, '│ ', '') : [[`└─► ${operator.uid}`, ''] as const])]
  }

  /** The chain that begins with `uid`, and what branches off its end. */
  #chain(uid: string, mark: string, indent: string): Line[] {
    const chain = this.#chainAt.get(uid) ?? [uid]
    const last = chain.at(-1) as string
    const lines = chain.map((member, at): Line => {
      const operator = this.#operators.get(member)
      return [`${indent}${at === 0 ? mark : '│ '}${member}`, operator === undefined ? '' : details(operator)]
    })
    const branches = this.#branches(last)
    branches.forEach((branch, at) => {
      const isLast = at === branches.length - 1
      lines.push(...branch(`${indent}${isLast ? '└─' : '├─'}`, `${indent}${isLast ? '  ' : '│ '}`))
    })
    return lines
  }

  #branches(uid: string): ((first: string, rest: string) => Line[])[] {
    const branches: ((first: string, rest: string) => Line[])[] = []
    for (const operator of this.#region.operators) {
      operator.inputs.forEach(({ from, tag, exchange, isFeedback }, input) => {
        if (from !== uid || exchange !== null) return
        const label = tag === null ? '' : `[${tag}] `
        if (isFeedback) branches.push((first) => [[`${first}► ${operator.uid}`, 'back to the head of the loop']])
        else if (carrier(operator) !== input) branches.push((first) => [[`${first}► ${label}${operator.uid}`, '']])
        else branches.push((first, rest) => underMark(this.#chain(operator.uid, `○ ${label}`, rest), first, rest))
      })
    }
    for (const { exchange, toRegion } of this.#exchangesOut) {
      if (exchange.from !== uid) continue
      const { to, tag, topic, partitions, routing, format } = exchange
      const size = partitions === null ? 'partitions unknown' : count(partitions, 'partition')
      const text = `exchange ${topic} (${size}, ${routing}, ${format}) to region ${toRegion}`
      branches.push((first) => [[`${first}► ${tag === null ? '' : `[${tag}] `}${to}`, text]])
    }
    return branches
  }
}

/** Puts the branch's corner in place of the indentation of its first line. */
function underMark([head, ...rest]: Line[], first: string, indent: string): Line[] {
  return head === undefined ? [] : [[first + head[0].slice(indent.length), head[1]], ...rest]
}

/** The input under which an operator is drawn: the last within the region, else the last exchange. */
function carrier({ inputs }: ExplainedOperator): number {
  const within = inputs.findLastIndex(({ exchange, isFeedback }) => exchange === null && !isFeedback)
  return within === -1 ? inputs.findLastIndex(({ isFeedback }) => !isFeedback) : within
}

function details({
  uid,
  name,
  type,
  topic,
  partitions,
  guarantee,
  inputs,
  stateful,
  callSite,
}: ExplainedOperator): string {
  const parts = [name === type || name === topic || name === uid ? type : `${type} '${name}'`]
  if (topic !== null) {
    const size = partitions === null ? 'partitions unknown' : count(partitions, 'partition')
    parts.push(inputs.length > 0 ? `topic ${topic}` : `topic ${topic} (${size})`)
  }
  if (stateful) parts.push('state')
  if (guarantee !== null) parts.push(guarantee)
  parts.push(callSite)
  return parts.join(' · ')
}

function side(uid: string, tag: string | null): string {
  return tag === null ? uid : `${uid} [${tag}]`
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}
