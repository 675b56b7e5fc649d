import type { System } from '../nexmark/system.ts'
import { latestOfKey, rowPerRecord } from '../nexmark/verify/output-rows.ts'
import { JavaPeer } from './java-process.ts'

/** Java closes its packages to reflection since version 17; these are those that Flink's own start script opens. */
const opened = ['lang', 'net', 'io', 'nio', 'lang.reflect', 'text', 'time', 'util', 'util.concurrent']
export const openPackages = [
  ...opened.map((name) => `--add-opens=java.base/java.${name}=ALL-UNNAMED`),
  '--add-opens=java.base/sun.nio.ch=ALL-UNNAMED',
  '--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED',
  '--add-exports=java.base/sun.net.util=ALL-UNNAMED',
]

/** Heap state of joins holds every bid: with more events it needs more than the usual 4 GB. */
const EVENTS_OF_4_GB = 2_000_000

/** Apache Flink: its SQL on a cluster in one process, state on the heap (or in RocksDB), checkpoints to the file system. */
export function flink(backend: 'hashmap' | 'rocksdb'): System {
  const peer = new JavaPeer('flink', 'bench.flink.RunQuery')
  return {
    name: 'flink',
    title: `Flink ${peer.version('flink.version')} (SQL, ${backend})`,
    prepare: () => peer.build(),
    outputForm: (query) => (query === 'q4' || query === 'q18' ? latestOfKey : rowPerRecord),
    run: (run) => {
      const heap = run.events > EVENTS_OF_4_GB ? '-Xmx8g' : '-Xmx4g'
      return peer.run(run, ['-Xms1g', heap, '-XX:MaxDirectMemorySize=1g', ...openPackages], { backend })
    },
  }
}
