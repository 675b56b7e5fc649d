import {
  type Collector,
  type DataStream,
  type Job,
  job,
  json,
  listState,
  mapState,
  type RunOptions,
  sessions,
  silentLogger,
  sliding,
  tumbling,
  valueState,
  watermarks,
} from '../../src/index.ts'
import type { Log } from '../../src/log/log.ts'
import { Random } from '../../src/structure/random.ts'
import { baseTime, openWriter, readCommitted } from '../contract/log-contract/fixture.ts'

interface Order {
  readonly id: string
  readonly user: string
  readonly amount: number
  readonly time: number
}

interface Payment {
  readonly order: string
  readonly user: string
  readonly time: number
}

interface Row {
  readonly kind: string
  readonly until: number
  readonly row: unknown
}

const PARTITIONS = 4
/** A last record in every partition moves event time far on, so that everything before it is final, also without an end. */
const END = 10_000_000
const time = watermarks.bounded<{ readonly time: number }>(30, (record) => record.time)

/** Windows of several kinds, joins, broadcast rules and keyed state in one job. */
function everything(name: string, bounded: boolean): Job {
  return job(name, (env) => {
    const orders = env.topic(`${name}-orders`, json<Order>(), { bounded, time })
    const payments = env.topic(`${name}-payments`, json<Payment>(), { bounded, time })
    const rules = env.topic(`${name}-rules`, json<number>(), { bounded })
    const total = {
      create: () => 0,
      add: (sum: number, order: Order) => sum + order.amount,
      result: (sum: number) => sum,
    }
    const byUser = orders.keyBy('user')
    const rows: DataStream<Row>[] = [
      byUser.window(sliding(100, 20)).aggregate(
        { ...total, merge: (a, b) => a + b },
        (sum, { key, window }): Row => ({
          kind: 'sliding',
          until: window.end,
          row: [key, sum],
        }),
      ),
      byUser.window(sessions(25)).process((list, { key, window }, out: Collector<Row>) =>
        out.emit({
          kind: 'session',
          until: window.end,
          row: [key, window.start, list.map(({ id }) => id).toSorted()],
        }),
      ),
      byUser.window(tumbling(50)).reduce(
        (a, b) => ({ id: a.id, user: a.user, time: a.time, amount: a.amount + b.amount }),
        ({ amount }, { key, window }): Row => ({ kind: 'tumbling', until: window.end, row: [key, amount] }),
      ),
      orders
        .windowAll(tumbling(200))
        .process((list, { window }, out: Collector<Row>) =>
          out.emit({ kind: 'all', until: window.end, row: list.length }),
        ),
      orders.keyBy('id').intervalJoin(
        payments.keyBy('order'),
        { lower: -40, upper: 40, type: 'left' },
        (order, payment): Row => ({
          kind: 'interval',
          until: order.time,
          row: [order.id, payment?.time ?? null],
        }),
      ),
      byUser.asOfJoin(
        payments.keyBy('user'),
        { type: 'left' },
        (order, payment): Row => ({
          kind: 'as of',
          until: order.time,
          row: [order.id, payment?.time ?? null],
        }),
      ),
      byUser.process({
        state: { count: valueState({ initial: 0 }), ids: mapState<string, number>(), last: listState<number>() },
        onRecord(order, { state, timers }) {
          state.count.set(state.count.get() + 1)
          state.ids.set(order.id, order.amount)
          state.last.add(order.amount)
          timers.atEventTime(Math.ceil(order.time / 500) * 500)
        },
        onTimer({ timeMs }, { key, state }, out: Collector<Row>) {
          // What came with the batch that moved event time this far may be beyond it: only the earlier ones are certain.
          out.emit({ kind: 'timer', until: timeMs, row: [key] })
          if (state.count.get() < 0) out.emit({ kind: 'never', until: 0, row: null })
        },
      }),
      orders
        .mapAsync(async (order): Promise<Row> => ({ kind: 'called', until: order.time, row: order.id }), {
          order: 'unordered',
          capacity: 7,
        })
        .lookupJoin(
          { key: ({ row }) => row as string, lookup: async (id) => id.length, cache: { maxEntries: 10 } },
          (row, length): Row => ({ ...row, row: [row.row, length] }),
        ),
      orders
        .rebalance()
        .connect(rules.broadcast({ state: { rules: mapState<number, boolean>() } }))
        .process({
          onRecord: (order, _context, out: Collector<Row>) =>
            out.emit({ kind: 'rebalanced', until: order.time, row: order.id }),
          onBroadcast: (rule, { broadcast }) => broadcast.rules.set(rule, true),
        }),
    ]
    const [first, ...others] = rows as [DataStream<Row>, ...DataStream<Row>[]]
    first.union(...others).toTopic(`${name}-rows`, json())
  })
}

function inputs(seed: number): { orders: Order[]; payments: Payment[] } {
  const random = new Random(seed)
  const orders: Order[] = []
  const payments: Payment[] = []
  for (let n = 0; n < 400; n++) {
    const at = 1_000 + n * 5 - random.integer(30)
    const user = `u${random.integer(9)}`
    orders.push({ id: `o${n}`, user, amount: random.integer(100), time: at })
    // One version of each user and time at most.
    if (n % 3 === 0) payments.push({ order: `o${n}`, user: `u${n % 9}`, time: 1_000 + n * 5 })
  }
  return { orders, payments }
}

/** Everything that the job has to say before the last records. */
function final(rows: readonly Row[]): string[] {
  return rows
    .filter(({ until }) => until < END - 1_000)
    .map((row) => JSON.stringify(row))
    .sort()
}

export interface Way {
  readonly name: string
  readonly bounded: boolean
  readonly run: RunOptions
}

/** Writes the input, runs the job one way and reads what it committed. An unbounded job is stopped when it has said as many rows as `expected`. */
export async function runEverything(log: Log, { name, bounded, run }: Way, expected: number | null): Promise<string[]> {
  await fill(log, name)
  const handle = everything(name, bounded).start({ logger: silentLogger, epochInterval: 50, ...run })
  const rows = async (): Promise<string[]> => {
    const { seen } = await readCommitted(log, `${name}-rows`, PARTITIONS)
    return final(seen.map(({ value }) => JSON.parse(value as string) as Row))
  }
  if (bounded) await handle.done
  let seen = await rows()
  // A broker shows a transaction's records a little after its end.
  const until = Date.now() + 60_000
  while (seen.length < (expected ?? 1) && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    seen = await rows()
  }
  await handle.stop()
  return rows()
}

async function fill(log: Log, name: string): Promise<void> {
  await log.createTopics(
    ['orders', 'payments', 'rows'].map((kind) => ({ name: `${name}-${kind}`, partitions: PARTITIONS })),
  )
  await log.createTopics([{ name: `${name}-rules`, partitions: 1 }])
  const { orders, payments } = inputs(11)
  const writer = await openWriter(log, { maxBufferedBytes: 1 << 24 })
  const serde = json<unknown>()
  const toOrders = await writer.output(`${name}-orders`)
  for (const [n, order] of orders.entries()) toOrders.append(n % PARTITIONS, baseTime(), null, order, serde)
  const toPayments = await writer.output(`${name}-payments`)
  for (const [n, payment] of payments.entries()) toPayments.append(n % PARTITIONS, baseTime(), null, payment, serde)
  for (let partition = 0; partition < PARTITIONS; partition++) {
    toOrders.append(partition, baseTime(), null, { id: 'end', user: 'end', amount: 0, time: END }, serde)
    toPayments.append(partition, baseTime(), null, { order: 'end', user: 'end', time: END }, serde)
  }
  ;(await writer.output(`${name}-rules`)).append(0, baseTime(), null, 1, serde)
  writer.seal()
  await writer.flush()
  await writer.close()
}
