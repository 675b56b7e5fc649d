import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  type Collector,
  committer,
  type DataStream,
  type Job,
  type JobHandle,
  job,
  json,
  memoryLog,
  memoryState,
  type RunOptions,
  type SinkHandle,
  type SinkTopology,
  watermarks,
} from '../../src/index.ts'
import type { Sink } from '../../src/spi.ts'

interface Batch {
  readonly rows: readonly number[]
}

/** A batch for each task and epoch; `published` says what was published, in order. */
function batches(published: Batch[]): Sink<number, Batch> {
  return {
    name: 'batches',
    guarantee: 'two-phase',
    async open() {
      let rows: number[] = []
      return {
        write: (row) => void rows.push(row),
        async flush() {},
        async prepareCommit() {
          const batch = { rows }
          rows = []
          return batch.rows.length === 0 ? [] : [batch]
        },
        async commit(committables) {
          published.push(...committables)
        },
        async close() {},
      }
    },
  }
}

function withNumbers(count: number, partitions = 2): ReturnType<typeof memoryLog> {
  const log = memoryLog()
  for (const topic of ['in', 'out']) log.storage.createTopic(topic, partitions)
  for (let n = 0; n < count; n++) {
    log.storage.write('in', n % partitions, [{ value: Buffer.from(String(n)), timestamp: n }])
  }
  return log
}

function written(log: ReturnType<typeof memoryLog>): unknown[] {
  return log.storage.read('out').map(({ value }) => JSON.parse(String(value)))
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)
const ascending = (left: number, right: number): number => left - right
const volatile: RunOptions = { allowVolatileState: true }

async function untilRead(handle: JobHandle, records: number): Promise<void> {
  const read = (): number[] => handle.status().workers.flatMap(({ tasks }) => tasks.map(({ recordsIn }) => recordsIn))
  while (!read().some((count) => count >= records)) {
    await Promise.race([handle.done, new Promise((resolve) => setTimeout(resolve, 5))])
  }
}

function refusal(build: Parameters<typeof job>[1]): unknown {
  try {
    job('refused', build).explain()
    return null
  } catch (error) {
    return error
  }
}

describe('what a sink commits', () => {
  it.each([1, 2])('comes as a stream, all of it once, with %i tasks', async (parallelism) => {
    const published: Batch[] = []
    const log = withNumbers(40)
    await job('batches', (env) => {
      env
        .topic('in', json<number>(), { bounded: true })
        .to(batches(published))
        .committed()
        .flatMap(({ rows }) => [...rows])
        .toTopic('out', json())
    }).run({ ...volatile, log, parallelism, epochInterval: 1 })
    expect(published.flatMap(({ rows }) => rows).toSorted(ascending)).toEqual(upTo(40))
    expect((written(log) as number[]).toSorted(ascending)).toEqual(upTo(40))
  })

  it('comes when it is published, and not before', async () => {
    const published: Batch[] = []
    const seen: boolean[] = []
    await job('batches', (env) => {
      const committed = env.topic('in', json<number>(), { bounded: true }).to(batches(published)).committed()
      committed
        .map((batch) => seen.push(published.some(({ rows }) => rows[0] === batch.rows[0])))
        .toTopic('out', json())
    }).run({ ...volatile, log: withNumbers(40), epochInterval: 1 })
    expect(seen.length).toBeGreaterThan(0)
    expect(seen).not.toContain(false)
  })

  it('lets time go on when what was before it is committed', async () => {
    const published: Batch[] = []
    const log = withNumbers(40, 1)
    await job('batches', (env) => {
      env
        .topic('in', json<number>(), { bounded: true, time: watermarks.bounded(0, (n) => n) })
        .to(batches(published))
        .committed()
        .keyBy(() => 'all')
        .process({
          onRecord(_, { timers }) {
            for (const n of upTo(40)) timers.atEventTime(n)
          },
          onTimer({ timeMs }, _, out: Collector<boolean>) {
            out.emit(upTo(timeMs + 1).every((n) => published.some(({ rows }) => rows.includes(n))))
          },
        })
        .toTopic('out', json())
    }).run({ ...volatile, log, epochInterval: 1 })
    expect(written(log).length).toBeGreaterThan(0)
    expect(written(log)).not.toContain(false)
  })

  it('goes through as many sinks as there are before the job ends', async () => {
    const log = withNumbers(20)
    const [first, second, third] = [[], [], []] as Batch[][]
    await job('stages', (env) => {
      const numbers = (stream: DataStream<Batch>) => stream.flatMap(({ rows }) => [...rows])
      const one = env.topic('in', json<number>(), { bounded: true }).to(batches(first as Batch[]))
      const two = numbers(one.committed()).to(batches(second as Batch[]))
      numbers(two.committed()).to(batches(third as Batch[]))
    }).run({ ...volatile, log })
    for (const stage of [first, second, third]) {
      expect(stage?.flatMap(({ rows }) => rows).toSorted(ascending)).toEqual(upTo(20))
    }
  })

  it('has the type that the sink says', () => {
    job('typed', (env) => {
      const numbers = env.topic('in', json<number>())
      const handle = numbers.to(batches([]))
      expectTypeOf(handle).toEqualTypeOf<SinkHandle<Batch>>()
      expectTypeOf(handle.committed()).toEqualTypeOf<DataStream<Batch>>()
      expectTypeOf(numbers.toTopic('out', json())).toEqualTypeOf<SinkHandle>()
      const topology: SinkTopology<number, string> = {
        connect: (stream) => stream.map(String).to(committer('texts', async () => {})),
      }
      expectTypeOf(numbers.to(topology)).toEqualTypeOf<SinkHandle<string>>()
      handle.committed().print()
    }).explain()
  })
})

describe('a job that is stopped', () => {
  it('has published all that it committed, through all sinks, and publishes nothing again when it goes on', async () => {
    const published: Batch[] = []
    const last: string[] = []
    const log = withNumbers(20)
    const state = memoryState()
    const stages: Job = job('stages', (env) => {
      env
        .topic('in', json<number>())
        .to(batches(published))
        .committed()
        .map(({ rows }) => rows.join(' '))
        .to(committer('texts', async (texts) => void last.push(...texts)))
    })
    const options = { ...volatile, log, state, epochInterval: '30s' } as const
    const first = stages.start(options)
    await untilRead(first, 20)
    await first.stop()
    expect(published.flatMap(({ rows }) => rows).toSorted(ascending)).toEqual(upTo(20))
    expect(last).toEqual(published.map(({ rows }) => rows.join(' ')))
    const before = [published.length, last.length]
    log.storage.write('in', 0, [{ value: Buffer.from('20'), timestamp: 20 }])
    const second = stages.start(options)
    await untilRead(second, 1)
    await second.stop()
    expect(published.slice(before[0])).toEqual([{ rows: [20] }])
    expect(last.slice(before[1])).toEqual(['20'])
  })
})

describe('a sink that consists of several operators', () => {
  const evens: SinkTopology<number, number> = {
    connect: (stream) =>
      stream
        .filter((n) => n % 2 === 0)
        .map((n) => n / 2)
        .to(committer('halves', async () => {})),
  }

  it('has the uids of its operators from its own', () => {
    const { regions } = job('named', (env) => {
      env.topic('in', json<number>()).uid('in').to(evens).uid('halves')
    }).explain()
    expect(regions.flatMap(({ operators }) => operators.map(({ uid }) => uid))).toEqual([
      'in',
      'halves-1',
      'halves-2',
      'halves',
    ])
  })

  it('is refused when it ends in another sink than its own', () => {
    const error = refusal((env) => {
      const other = env.topic('other', json<number>()).to(committer('others', async () => {}))
      env.topic('in', json<number>()).to<unknown>({ connect: () => other as SinkHandle<unknown> })
    })
    expect(error).toMatchObject({ code: 'GRAPH_INVALID' })
    expect(String(error)).toContain('connect must put the sink that it returns behind the stream that it gets')
  })
})

describe('what a sink commits is refused', () => {
  it('where the sink does not tell', () => {
    const error = refusal((env) => {
      env.topic('in', json<number>()).toTopic('out', json()).committed().print()
    })
    expect(error).toMatchObject({ code: 'GRAPH_INVALID' })
    expect(String(error)).toContain("'out' is transactional, and only a two-phase sink tells what it commits")
  })

  it('as bounded data, since that would hold up the commits it waits for', () => {
    const error = refusal((env) => {
      env.topic('in', json<number>(), { bounded: true }).to(batches([])).committed().bounded().count().collect([])
    })
    expect(error).toMatchObject({ code: 'GRAPH_INVALID' })
    expect(String(error)).toContain("needs all of what 'batches-sink' commits, but holds up commits until it has it")
  })

  it('within a loop, whose rounds it has no place in', () => {
    const error = refusal((env) => {
      env
        .topic('in', json<number>())
        .iterate((body) => {
          body.to(batches([])).committed().print()
          return { feedback: body.filter((n) => n > 0), output: body }
        })
        .print()
    })
    expect(error).toMatchObject({ code: 'GRAPH_INVALID' })
    expect(String(error)).toContain("reads what 'batches-sink' commits within a loop")
  })
})
