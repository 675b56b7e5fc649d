import type { Logger } from '../../metrics/logger.ts'
import type { Clock } from '../../time/clock.ts'
import type { Log } from '../log.ts'
import type { LogProvider } from '../provider.ts'
import { KafkaLog } from './kafka-log.ts'
import { type KafkaOptions, kafkaSettings } from './options.ts'

export type { KafkaOptions, SaslOptions } from './options.ts'
export type { Compression } from './record-batch/compression.ts'

/** A `LogProvider` for a Kafka cluster. The options are plain data unless they hold a token function. */
export interface KafkaLogProvider extends LogProvider {
  readonly kind: 'kafka'
  readonly options: KafkaOptions
}

/**
 * Kafka (3.0 or later) as the log of a job: topics, exactly-once transactions and the group of its workers.
 * The client libraries are loaded when the log connects, not before.
 *
 * @example
 *     await job.run({ log: kafka({ brokers: 'localhost:9092' }), state: redis({ url: 'redis://localhost' }) })
 *
 * @throws OPTION_INVALID
 */
export function kafka(options: KafkaOptions): KafkaLogProvider {
  const settings = kafkaSettings(options)
  return {
    kind: 'kafka',
    options,
    create: (context: { readonly clock: Clock; readonly logger: Logger }): Log => new KafkaLog(settings, context),
  }
}
