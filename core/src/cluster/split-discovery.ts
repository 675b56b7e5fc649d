import type { SourceNode } from '../plan/logical-graph.ts'
import type { TaskEnvironment } from '../runtime/task-environment.ts'

/**
 * Looks for partitions and splits that sources have got since the job started. Bounded ones end where they ended at the
 * first start, so they are left alone.
 */
export class SplitDiscovery {
  readonly #environment: TaskEnvironment
  readonly #partitions: Map<string, number>
  readonly #intervalMs: number
  readonly #onFound: (found: readonly string[]) => void
  readonly #splits = new Map<string, number>()
  #cancel: (() => void) | null = null
  #isClosed = false

  /** `partitions` is what the environment tells of topics; it is brought up to date before `onFound` is called. */
  constructor(
    environment: TaskEnvironment,
    partitions: Map<string, number>,
    intervalMs: number,
    onFound: (found: readonly string[]) => void,
  ) {
    this.#environment = environment
    this.#partitions = partitions
    this.#intervalMs = intervalMs
    this.#onFound = onFound
    this.#growSplits()
  }

  start(): void {
    this.#schedule()
  }

  close(): void {
    this.#isClosed = true
    this.#cancel?.()
  }

  #schedule(): void {
    if (this.#isClosed) return
    this.#cancel = this.#environment.clock.setTimer(this.#intervalMs, () => void this.#look())
  }

  async #look(): Promise<void> {
    try {
      const found = [...(await this.#growTopics()), ...this.#growSplits()]
      if (found.length > 0 && !this.#isClosed) this.#onFound(found)
    } catch (error) {
      // Whoever reads the topic hears of a server that is away; the next look comes.
      this.#environment.logger.warn({ error: String(error) }, 'Looking for new partitions failed')
    }
    this.#schedule()
  }

  async #growTopics(): Promise<string[]> {
    const topics = this.#sources().flatMap(({ source }) =>
      source.kind === 'topic' && !source.bounded ? [source.topic] : [],
    )
    if (topics.length === 0) return []
    const described = await this.#environment.log.describeTopics(topics)
    return topics.flatMap((topic, at) => {
      const now = described[at]?.partitions ?? 0
      const before = this.#partitions.get(topic) ?? 0
      if (now <= before) return []
      this.#partitions.set(topic, now)
      return [`${topic}: ${before} partitions, now ${now}`]
    })
  }

  #growSplits(): string[] {
    return this.#sources().flatMap(({ uid, source }) => {
      if (source.kind !== 'splits' || source.source.bounded) return []
      const now = source.source.splits()
      const before = this.#splits.get(uid) ?? 0
      if (now <= before) return []
      this.#splits.set(uid, now)
      return [`${uid}: ${before} splits, now ${now}`]
    })
  }

  #sources(): { readonly uid: string; readonly source: SourceNode['source'] }[] {
    return this.#environment.graph.regions.flatMap(({ nodes }) =>
      nodes.flatMap(({ uid, node }) => (node.kind === 'source' ? [{ uid, source: node.source }] : [])),
    )
  }
}
