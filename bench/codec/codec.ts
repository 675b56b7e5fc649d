import { json } from '@millrace/core'
import { ByteWriter } from '@millrace/core/spi'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { type Bid, schemas } from '../nexmark/events.ts'
import { NexmarkGenerator } from '../nexmark/generator.ts'
import { median, percentile } from '../report/statistics.ts'

/*
 * JSON of a schema against the language's own: bids of Nexmark, from bytes to objects and back. All ways take turns in one
 * process, so that what disturbs the machine disturbs them alike, and the processor time of the thread is counted.
 */

export interface CodecResult {
  readonly case: string
  /** Nanoseconds for a record, median over the rounds. */
  readonly nanoseconds: number
  readonly least: number
  readonly most: number
  /** Bytes of the heap that a record takes, median over the rounds. */
  readonly heapBytes: number
}

const RECORDS = 4_096
const PASSES = 40
/** Bytes of a batch that is written. */
const BATCH = 16_384
const WARM_UP_ROUNDS = 3

const schema = Type.Object(schemas.bid)

function makeBids(): Bid[] {
  const generator = new NexmarkGenerator({ seed: 1, ratePerSecond: 10_000, startMs: 1_700_000_000_000 })
  const bids: Bid[] = []
  while (bids.length < RECORDS) {
    const event = generator.next()
    if (event.event_type === 2) bids.push(event.bid)
  }
  return bids
}

/** One after the other in one buffer, as a fetched batch holds them. */
function encoded(bids: readonly Bid[]): { readonly bytes: Buffer; readonly ends: Uint32Array } {
  const texts = bids.map((bid) => Buffer.from(JSON.stringify(bid)))
  let end = 0
  return { bytes: Buffer.concat(texts), ends: Uint32Array.from(texts, ({ length }) => (end += length)) }
}

/** Each goes over all records once, and gives something that depends on them. */
function ways(): ReadonlyMap<string, () => number> {
  const bids = makeBids()
  const { bytes, ends } = encoded(bids)
  const whole = json(schema)
  const some = whole.project(['auction', 'price', 'dateTime'])
  const checker = Compile(schema)
  const writer = new ByteWriter(1 << 20)
  const encoder = new TextEncoder()
  const target = Buffer.alloc(4_096)

  const decoding = (decode: (start: number, end: number) => { readonly price: number }) => (): number => {
    let sum = 0
    let start = 0
    for (let at = 0; at < RECORDS; at++) {
      const end = ends[at] as number
      sum += decode(start, end).price
      start = end
    }
    return sum
  }
  const parse = (start: number, end: number): Bid => JSON.parse(bytes.toString('utf8', start, end))
  return new Map<string, () => number>([
    ['three fields: JSON.parse', decoding((start, end) => pickThree(parse(start, end)))],
    ['three fields: json(schema).project', decoding((start, end) => some.decode(bytes, start, end))],
    ['all, unchecked: JSON.parse', decoding(parse)],
    [
      'all, checked: JSON.parse, TypeBox',
      decoding((start, end) => {
        const bid = parse(start, end)
        if (!checker.Check(bid)) throw new Error('a bid does not fit its schema')
        return bid
      }),
    ],
    ['all, checked: json(schema)', decoding((start, end) => whole.decode(bytes, start, end))],
    [
      'encode, unchecked: JSON.stringify, TextEncoder',
      () => {
        let sum = 0
        for (const bid of bids) sum += encoder.encodeInto(JSON.stringify(bid), target).written
        return sum
      },
    ],
    [
      'encode, checked: json(schema)',
      () => {
        let sum = 0
        for (const bid of bids) {
          if (writer.position > BATCH) writer.position = 0
          const start = writer.position
          whole.encode(bid, writer)
          sum += writer.position - start
        }
        return sum
      },
    ],
  ])
}

function pickThree({ auction, price, dateTime }: Bid): Pick<Bid, 'auction' | 'price' | 'dateTime'> {
  return { auction, price, dateTime }
}

export function benchCodec(rounds: number, say: (line: string) => void): readonly CodecResult[] {
  const measured = new Map<string, { readonly times: number[]; readonly heap: number[] }>()
  const all = ways()
  for (const name of all.keys()) measured.set(name, { times: [], heap: [] })
  const { bytes } = encoded(makeBids())
  say(`${RECORDS} bids of ${Math.round(bytes.length / RECORDS)} bytes`)
  let kept = 0
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const [name, pass] of all) {
      const before = process.memoryUsage().heapUsed
      kept += pass()
      const heap = process.memoryUsage().heapUsed - before
      const start = process.threadCpuUsage()
      for (let turn = 0; turn < PASSES; turn++) kept += pass()
      const { user, system } = process.threadCpuUsage(start)
      if (round < 0) continue
      measured.get(name)?.times.push(((user + system) * 1_000) / PASSES / RECORDS)
      // Less than nothing: a collection came between.
      if (heap >= 0) measured.get(name)?.heap.push(heap / RECORDS)
    }
  }
  if (!Number.isFinite(kept)) throw new Error('nothing was measured')
  return [...measured].map(([name, { times, heap }]) => {
    const result: CodecResult = {
      case: name,
      nanoseconds: Math.round(median(times)),
      least: Math.round(percentile(times, 0)),
      most: Math.round(percentile(times, 100)),
      heapBytes: Math.round(median(heap)),
    }
    const { nanoseconds, least, most, heapBytes } = result
    say(`${name.padEnd(50)} ${String(nanoseconds).padStart(5)} ns (${least}–${most}), ${heapBytes} bytes of heap`)
    return result
  })
}
