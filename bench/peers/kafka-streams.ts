import type { System } from '../nexmark/system.ts'
import { latestOfKey, type OutputForm, rowPerRecord } from '../nexmark/verify/output-rows.ts'
import { JavaPeer } from './java-process.ts'

/** The key of a record is the start of its window. */
const hotItems: OutputForm = {
  isUpsert: true,
  rows: ({ num, auctions }) => (auctions as readonly number[]).map((auction) => ({ auction, num })),
}

/** Kafka Streams: its DSL, state in RocksDB with changelogs on the broker. */
export function kafkaStreams(): System {
  const peer = new JavaPeer('streams', 'bench.streams.RunQuery')
  return {
    name: 'streams',
    title: `Kafka Streams ${peer.version('kafka.version')}`,
    prepare: () => peer.build(),
    outputForm: (query) => {
      if (query === 'q4') return null
      if (query === 'q5') return hotItems
      // Tables give their rows anew when anything behind them changes.
      return query === 'q3' || query === 'q8' || query === 'q18' ? latestOfKey : rowPerRecord
    },
    run: (run) => peer.run(run, ['-Xms512m', '-Xmx2g']),
  }
}
