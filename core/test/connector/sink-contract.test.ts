import { describe, expect, it } from 'vitest'
import { batchingSink } from '../../src/connector/batching.ts'
import { collectSink } from '../../src/connector/collect.ts'
import type { Sink } from '../../src/connector/sink.ts'
import { sinkContract } from '../../src/testing/index.ts'

interface Row {
  readonly id: string
  readonly n: number
}

const records: Row[] = Array.from({ length: 40 }, (_, n) => ({ id: `r${n}`, n }))

describe('the collecting sink', () => {
  const target: Row[] = []
  const cases = sinkContract({
    create: () => collectSink<Row>(target),
    clear: async () => void target.splice(0),
    read: async () => target,
    records,
  })
  for (const { name, check } of cases) it(name, check)
})

describe('the batching sink', () => {
  const table = new Map<string, Row>()
  let calls = 0
  const cases = sinkContract({
    create: () =>
      batchingSink<Row>({
        name: 'table',
        guarantee: 'idempotent',
        maxRecords: 7,
        maxInFlight: 2,
        linger: 1,
        retry: { delay: 1 },
        async write(rows) {
          await new Promise((resolve) => setTimeout(resolve, 1))
          // Every third call fails in half of its rows.
          const bad = calls++ % 3 === 2 ? rows.slice(Math.floor(rows.length / 2)) : []
          for (const row of rows) if (!bad.includes(row)) table.set(row.id, row)
          return bad.length > 0 ? { retry: bad } : undefined
        },
      }),
    clear: async () => table.clear(),
    read: async () => [...table.values()],
    records,
  })
  for (const { name, check } of cases) it(name, check)
})

interface Batch {
  readonly id: string
  readonly rows: readonly Row[]
}

describe('the contract of sinks', () => {
  let serial = 0
  let published: (readonly [id: string, row: Row])[] = []

  /** As a sink into files does it, with one thing done in another way. */
  const files = (change: {
    readonly publishTwice?: boolean
    readonly publishEarly?: boolean
    readonly mixEpochs?: boolean
  }) => {
    const { publishTwice = false, publishEarly = false, mixEpochs = false } = change
    const publish = (batch: Batch): void => {
      if (!publishTwice && published.some(([id]) => id === batch.id)) return
      for (const row of batch.rows) published.push([batch.id, row])
    }
    return (): Sink<Row, Batch> => ({
      name: 'files',
      guarantee: 'two-phase',
      async open() {
        let rows: Row[] = []
        return {
          write: (row) => void rows.push(row),
          flush: async () => {},
          async prepareCommit() {
            if (mixEpochs) await null
            const batch = { id: `file-${serial++}`, rows }
            rows = []
            if (publishEarly) publish(batch)
            return [batch]
          },
          commit: async (batches) => batches.forEach(publish),
          close: async () => {},
        }
      },
    })
  }

  const brokenBy = async <Committable>(create: () => Sink<Row, Committable>): Promise<string[]> => {
    const broken: string[] = []
    const clear = async (): Promise<void> => {
      published = []
    }
    const read = async (): Promise<Row[]> => published.map(([, row]) => row)
    for (const { name, check } of sinkContract({ create, clear, read, records })) {
      await check().catch(() => broken.push(name))
    }
    return broken
  }

  it('holds for files that are renamed at the commit', async () => {
    expect(await brokenBy(files({}))).toEqual([])
  })

  it('is broken by a sink that publishes what is not decided', async () => {
    expect(await brokenBy(files({ publishEarly: true }))).toContain(
      'shows an epoch when that is committed, and not before',
    )
  })

  it('is broken by a sink that publishes an epoch again', async () => {
    expect(await brokenBy(files({ publishTwice: true }))).toEqual([
      'may be told to commit an epoch again, also by another writer after a crash',
    ])
  })

  it('is broken by a sink that puts records behind a barrier into the epoch', async () => {
    expect(await brokenBy(files({ mixEpochs: true }))).toEqual([
      'keeps what it takes after a barrier for the next epoch',
    ])
  })

  const table = (isIdempotent: boolean, flushes: boolean) => (): Sink<Row> => ({
    name: 'table',
    guarantee: 'idempotent',
    async open() {
      return {
        write(row) {
          if (isIdempotent) published = published.filter(([id]) => id !== row.id)
          if (flushes || row.n % 2 === 0) published.push([row.id, row])
        },
        flush: async () => {},
        close: async () => {},
      }
    },
  })

  it('holds for a table with keys', async () => {
    expect(await brokenBy(table(true, true))).toEqual([])
  })

  it('is broken by a sink that calls itself idempotent and is not', async () => {
    expect(await brokenBy(table(false, true))).toEqual([
      'has the same effect when the same records are written again after a crash',
    ])
  })

  it('is broken by a sink that keeps records back in a flush', async () => {
    expect(await brokenBy(table(true, false))).toContain('has written all that it took when a flush is done')
  })
})
