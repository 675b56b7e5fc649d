import type { TopicPartition } from '../log.ts'
import type { Outcome, ProducerId, TransactionRequests } from './transaction.ts'

/**
 * The transaction of a writer that ended last. Servers can lose its end: a coordinator that finds a partition without a
 * leader when it writes the end there (its server is just coming back) takes the partition for deleted and passes it over,
 * for good (seen with Kafka 4.3.1). The records then stay invisible and the offsets undecided, until the same producer ends
 * another transaction there, and it is that one's outcome that decides both.
 */
export class LastTransaction {
  readonly #requests: TransactionRequests
  readonly #outcome: Outcome
  readonly #partitions: readonly TopicPartition[]
  readonly #group: string | null

  /** With null as its group it held no offsets. */
  constructor(
    requests: TransactionRequests,
    outcome: Outcome,
    partitions: readonly TopicPartition[],
    group: string | null,
  ) {
    this.#requests = requests
    this.#outcome = outcome
    this.#partitions = partitions
    this.#group = group
  }

  /** Ends it once more, by an empty transaction. It changes nothing where the end had been written. */
  async endAgain(identity: ProducerId): Promise<void> {
    if (this.#partitions.length > 0) await this.#requests.addPartitions(identity, this.#partitions)
    if (this.#group !== null) await this.#requests.addOffsets(identity, this.#group)
    await this.#requests.end(identity, this.#outcome === 'commit')
  }
}
