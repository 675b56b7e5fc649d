import { describe, expect, it } from 'vitest'
import {
  type Collector,
  type Job,
  job,
  json,
  memoryLog,
  memoryState,
  silentLogger,
  valueState,
} from '../../src/index.ts'
import type { Source } from '../../src/spi.ts'
import { until } from '../contract/log-contract/fixture.ts'

function counting(start: 'earliest' | 'latest' = 'earliest'): Job {
  return job('growing', (env) => {
    env
      .topic('in', json<string>(), { start })
      .keyBy((word) => word)
      .process({
        state: { count: valueState({ initial: 0 }) },
        onRecord(word, { state: { count } }, out: Collector<string>) {
          count.set(count.get() + 1)
          out.emit(`${word}${count.get()}`)
        },
      })
      .toTopic('out', json())
  })
}

function topics(): ReturnType<typeof memoryLog> {
  const log = memoryLog()
  log.storage.createTopic('in', 1)
  log.storage.createTopic('out', 1)
  return log
}

function write(log: ReturnType<typeof memoryLog>, partition: number, ...words: readonly string[]): void {
  for (const word of words) {
    log.storage.write('in', partition, [{ value: Buffer.from(JSON.stringify(word)), timestamp: 0 }])
  }
}

const seen = (log: ReturnType<typeof memoryLog>): string[] =>
  log.storage.read('out').map(({ value }) => JSON.parse(String(value)) as string)

const options = { epochInterval: 5, splitDiscovery: 20, sessionTimeout: '2s', logger: silentLogger } as const

describe('a topic that gets more partitions while a job reads it', () => {
  it.each([1, 3])('is read in all of them from then on (parallelism %i)', async (parallelism) => {
    const log = topics()
    const handle = counting().start({ ...options, log, state: memoryState(), parallelism })
    write(log, 0, 'a', 'b')
    await until('the first are counted', () => seen(log).length === 2)
    log.storage.growTopic('in', 3)
    write(log, 1, 'a')
    write(log, 2, 'b', 'c')
    await until('all are counted', () => seen(log).length === 5)
    write(log, 0, 'a')
    await until('the last is counted', () => seen(log).length === 6)
    await handle.stop()
    expect(seen(log).toSorted()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'c1'])
  })

  it('is read from the beginning of the new ones, also by a job that began at the end', async () => {
    const log = topics()
    const state = memoryState()
    write(log, 0, 'before')
    const handle = counting('latest').start({ ...options, log, state })
    await handle.ready
    await until('it reads', () => handle.status().workers[0]?.tasks[0]?.state === 'running')
    write(log, 0, 'a')
    await until('the first is counted', () => seen(log).length === 1)
    await handle.stop()
    log.storage.growTopic('in', 2)
    write(log, 1, 'b')
    const next = counting('latest').start({ ...options, log, state })
    await until('the record of the new partition is counted', () => seen(log).length === 2)
    await next.stop()
    expect(seen(log)).toEqual(['a1', 'b1'])
  })
})

describe('a source that gets more splits', () => {
  it('is read in all of them from then on', async () => {
    const splits = [['a', 'b']]
    const source: Source<string, number> = {
      name: 'folders',
      bounded: false,
      replayable: true,
      splits: () => splits.length,
      open(split, position) {
        let next = position ?? 0
        return {
          poll(emit) {
            const list = splits[split] as string[]
            while (next < list.length) emit(list[next++] as string, 0)
            return 'wait'
          },
          position: () => next,
          async close() {},
        }
      },
    }
    const read: string[] = []
    const handle = job('folders', (env) => void env.source(source).collect(read)).start({ ...options })
    await until('the first split is read', () => read.length === 2)
    splits.push(['c'], ['d'])
    await until('all are read', () => read.length === 4)
    await handle.stop()
    expect(read.toSorted()).toEqual(['a', 'b', 'c', 'd'])
  })
})
