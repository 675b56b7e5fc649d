import { millrace } from '../nexmark/millrace.ts'
import type { System } from '../nexmark/system.ts'
import { flink } from './flink.ts'
import { kafkaStreams } from './kafka-streams.ts'

const backends = ['hashmap', 'rocksdb'] as const

/** Millrace, and the peers that are named. */
export function chosenSystems(peers: readonly string[], flinkBackend: string): readonly System[] {
  const backend = backends.find((name) => name === flinkBackend)
  if (backend === undefined) throw new Error(`Flink's backend is ${backends.join(' or ')}, not ${flinkBackend}.`)
  return [
    millrace,
    ...peers.map((name) => {
      if (name === 'flink') return flink(backend)
      if (name === 'streams') return kafkaStreams()
      throw new Error(`There is no peer ${name}; there are flink and streams.`)
    }),
  ]
}
