import {
  type Collector,
  type Job,
  job,
  json,
  mapState,
  type RunOptions,
  silentLogger,
  valueState,
} from '../../src/index.ts'
import type { Log } from '../../src/log/log.ts'
import { baseTime, openWriter, readCommitted, until } from '../contract/log-contract/fixture.ts'

interface Sale {
  readonly shop: string
  readonly item: string
  readonly amount: number
}

export const declared = { total: valueState({ initial: 0 }), items: mapState<string, number>() }
const SHOPS = 20
const SALES = 400

export function selling(name: string): Job {
  return job(name, (env) => {
    env
      .topic(`${name}-sales`, json<Sale>())
      .keyBy('shop')
      .process({
        state: declared,
        onRecord({ shop, item, amount }, { state: { total, items } }, out: Collector<string>) {
          total.set(total.get() + amount)
          items.set(item, (items.get(item) ?? 0) + amount)
          out.emit(shop)
        },
      })
      .uid('totals')
      .toTopic(`${name}-out`, json())
  })
}

const sales: readonly Sale[] = Array.from({ length: SALES }, (_, n) => ({
  shop: `s${n % SHOPS}`,
  item: `i${n % 3}`,
  amount: n,
}))

export interface Total {
  readonly total: number
  readonly items: Record<string, number>
}

/** What each shop has sold. */
export function totals(): Map<string, Total> {
  const shops = new Map<string, Total>()
  for (const { shop, item, amount } of sales) {
    const { total, items } = shops.get(shop) ?? { total: 0, items: {} }
    shops.set(shop, { total: total + amount, items: { ...items, [item]: (items[item] ?? 0) + amount } })
  }
  return shops
}

/** Runs the job over all sales, and calls `look` while it is running and has committed everything. */
export async function whileSelling(
  log: Log,
  name: string,
  run: RunOptions,
  look: (running: { readonly job: Job; readonly handle: ReturnType<Job['start']> }) => Promise<void>,
): Promise<void> {
  await log.createTopics(['sales', 'out'].map((kind) => ({ name: `${name}-${kind}`, partitions: 2 })))
  const writer = await openWriter(log, { maxBufferedBytes: 1 << 24 })
  const output = await writer.output(`${name}-sales`)
  for (const [n, sale] of sales.entries()) output.append(n % 2, baseTime(), null, sale, json<Sale>())
  writer.seal()
  await writer.flush()
  await writer.close()
  const target = selling(name)
  const handle = target.start({ logger: silentLogger, epochInterval: 50, ...run })
  await until('all sales are counted', async () => (await readCommitted(log, `${name}-out`, 2)).seen.length === SALES)
  try {
    await look({ job: target, handle })
  } finally {
    await handle.stop()
  }
}
