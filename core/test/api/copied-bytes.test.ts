import { expect, it } from 'vitest'
import { job, json, type Serde, watermarks } from '../../src/index.ts'
import { testHarness } from '../../src/testing/index.ts'

interface Reading {
  readonly sensor: string
  readonly value: number
}

/** JSON that counts what is encoded, to see that copied records are not. */
function counting(): Serde<Reading> & { encoded: number } {
  const plain = json<Reading>()
  const serde = {
    format: plain.format,
    encoded: 0,
    decode: (bytes: Buffer, start: number, end: number) => plain.decode(bytes, start, end),
    encode(value: Reading, target: Parameters<typeof plain.encode>[1]) {
      serde.encoded++
      plain.encode(value, target)
    },
  }
  return serde
}

it.each([1, 3])(
  'records that pass filters and exchanges reach a topic byte for byte (parallelism %i)',
  async (parallelism) => {
    const readings = counting()
    const t = await testHarness(
      job('copied', (env) => {
        env
          .topic('in', readings, { time: watermarks.none((_, time) => time) })
          .filter(({ value }) => value > 0)
          .rebalance()
          .filter(({ value }) => value < 100)
          .toTopic('out', readings, { key: ({ sensor }) => sensor })
      }),
      { run: { parallelism }, partitions: { in: 3, out: 1 } },
    )
    const texts = [
      '{ "sensor" : "a", "value" : 1.0, "more": [1, 2] }',
      '{"value":-1,"sensor":"b"}',
      '{"value":5e0,"sensor":"\\u0062"}',
    ]
    for (const [at, text] of texts.entries())
      t.topic('in').sendBytes(Buffer.from(text), { partition: at, timestamp: at })
    await t.advanceBy('5s')
    const out = t.storage.read('out').map(({ value, key }) => [String(key), String(value)])
    expect(out.toSorted()).toEqual([
      ['a', texts[0]],
      ['b', texts[2]],
    ])
    expect(readings.encoded).toBe(0)
    await t.stop()
  },
)
