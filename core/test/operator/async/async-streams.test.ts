import { afterEach, describe, expect, it } from 'vitest'
import type { DataStream } from '../../../src/api/data-stream.ts'
import { job } from '../../../src/api/job.ts'
import { StreamError } from '../../../src/errors.ts'
import type { AsyncOptions } from '../../../src/operator/async/async-function.ts'
import { batchedLookup } from '../../../src/operator/async/batched-lookup.ts'
import { type OneInputHarness, operatorHarness } from '../../../src/testing/operator-harness.ts'

/** Answers that the test gives when it likes. */
class Service {
  readonly asked: string[] = []
  readonly aborted: string[] = []
  readonly #waiting: { readonly id: string; readonly settle: PromiseWithResolvers<string> }[] = []

  readonly call = (id: string, { signal }: { readonly signal: AbortSignal }): Promise<string> => {
    this.asked.push(id)
    signal.addEventListener('abort', () => this.aborted.push(id))
    const settle = Promise.withResolvers<string>()
    this.#waiting.push({ id, settle })
    return settle.promise
  }

  answer(id: string, text: string): void {
    this.#take(id).resolve(text)
  }

  fail(id: string, error: unknown): void {
    this.#take(id).reject(error)
  }

  #take(id: string): PromiseWithResolvers<string> {
    const at = this.#waiting.findIndex((waiting) => waiting.id === id)
    const [found] = this.#waiting.splice(at, 1)
    if (at < 0 || found === undefined) throw new Error(`Nobody asks for ${id}.`)
    return found.settle
  }
}

let harness: OneInputHarness<string, string>
afterEach(() => harness.close())

async function asking(service: Service, options: AsyncOptions<string, string> = {}): Promise<typeof harness> {
  harness = await operatorHarness((ids: DataStream<string>) => ids.mapAsync(service.call, options))
  return harness
}

async function failure(action: () => Promise<unknown>): Promise<StreamError> {
  const error = await action().then(
    () => null,
    (cause: unknown) => cause,
  )
  if (!StreamError.is(error)) throw new Error('It did not fail.', { cause: error })
  return error
}

describe('mapAsync', () => {
  it('starts no more calls than its capacity, and the next one when one is done', async () => {
    const service = new Service()
    const t = await asking(service, { capacity: 2 })
    for (const id of ['a', 'b', 'c']) t.send(id)
    expect(service.asked).toEqual(['a', 'b'])
    service.answer('b', 'B')
    await t.advanceBy(0)
    expect(service.asked).toEqual(['a', 'b', 'c'])
    expect(t.values()).toEqual([])
    service.answer('a', 'A')
    service.answer('c', 'C')
    await t.advanceBy(0)
    expect(t.values()).toEqual(['A', 'B', 'C'])
  })

  it('fails the job when a call has no result in time, and aborts the call', async () => {
    const service = new Service()
    const t = await asking(service, { timeout: '2s' })
    t.send('a')
    const error = await failure(() => t.advanceBy('2s'))
    expect(error.code).toBe('CALL_TIMED_OUT')
    expect(error.message).toContain("A call of 'map-async' had no result after 2000 ms")
    expect(error.where.operator).toBeDefined()
    expect(service.aborted).toEqual(['a'])
    expect(t.counter('millrace_call_timeouts')).toBe(1)
  })

  it('counts the time from the start of the call, not from the arrival of the record', async () => {
    const service = new Service()
    const t = await asking(service, { timeout: '2s', capacity: 1 })
    t.send('a')
    t.send('b')
    await t.advanceBy('1500ms')
    service.answer('a', 'A')
    await t.advanceBy('1500ms')
    service.answer('b', 'B')
    await t.advanceBy(0)
    expect(t.values()).toEqual(['A', 'B'])
  })

  it('takes the fallback for what timed out or failed, and ignores an answer that comes later', async () => {
    const service = new Service()
    const t = await asking(service, { timeout: '2s', fallback: (id, { name, message }) => `${id}: ${name} ${message}` })
    t.send('slow')
    t.send('bad')
    service.fail('bad', new Error('no such id'))
    await t.advanceBy('2s')
    service.answer('slow', 'late')
    await t.advanceBy('1s')
    expect(t.values()).toEqual([
      expect.stringContaining('slow: StreamError A call of'),
      expect.stringContaining('bad: UserFunctionError A function of'),
    ])
    expect(t.values()[1]).toContain('no such id')
  })

  it('fails the job with what a call failed with', async () => {
    const service = new Service()
    const t = await asking(service)
    t.send('a')
    service.fail('a', new TypeError('fetch failed'))
    const error = await failure(() => t.advanceBy(0))
    expect(error.code).toBe('USER_FUNCTION_FAILED')
    expect(error.cause).toEqual(new TypeError('fetch failed'))
  })

  it('tries again after a failure, with doubling waits, up to the last attempt', async () => {
    const service = new Service()
    const t = await asking(service, { retry: { maxAttempts: 3, delay: 100, maxDelay: 1000 } })
    t.send('a')
    service.fail('a', new Error('first'))
    await t.advanceBy(0)
    expect(service.asked).toEqual(['a'])
    await t.advanceBy(100)
    service.fail('a', new Error('second'))
    await t.advanceBy(99)
    expect(service.asked).toEqual(['a', 'a'])
    await t.advanceBy(101)
    service.answer('a', 'A')
    await t.advanceBy(0)
    expect(t.values()).toEqual(['A'])
    expect(t.counter('millrace_call_retries')).toBe(2)
  })

  it('gives up at once on what is not worth another attempt', async () => {
    const service = new Service()
    const retry = { maxAttempts: 3, onError: (error: unknown) => !(error instanceof RangeError) }
    const t = await asking(service, { retry })
    t.send('a')
    service.fail('a', new RangeError('too many'))
    expect((await failure(() => t.advanceBy(0))).cause).toEqual(new RangeError('too many'))
  })

  it('tries again for a result that asks for it, and takes the last one as it is', async () => {
    const service = new Service()
    const t = await asking(service, {
      retry: { maxAttempts: 2, delay: 10, backOff: 'fixed', onResult: (text) => text === 'pending' },
    })
    t.send('a')
    service.answer('a', 'pending')
    await t.advanceBy(10)
    service.answer('a', 'pending')
    await t.advanceBy(0)
    expect(t.values()).toEqual(['pending'])
  })

  it('counts all attempts of a record in one timeout', async () => {
    const service = new Service()
    const t = await asking(service, { timeout: 250, retry: { maxAttempts: 9, delay: 100, backOff: 'fixed' } })
    t.send('a')
    service.fail('a', new Error('once'))
    await t.advanceBy(100)
    service.fail('a', new Error('twice'))
    expect((await failure(() => t.advanceBy(150))).message).toContain('after 250 ms and 3 attempts')
  })

  it('calls again after a crash for what was waiting at the last snapshot', async () => {
    const service = new Service()
    const t = await asking(service)
    t.send('a', 5)
    t.send('b', 6)
    t.snapshot()
    service.answer('a', 'A')
    await t.advanceBy(0)
    await t.crash()
    await t.advanceBy(0)
    expect(service.asked).toEqual(['a', 'b', 'a', 'b'])
    service.answer('b', 'of the time before')
    service.answer('a', 'A again')
    service.answer('b', 'B')
    await t.advanceBy(0)
    expect(t.records()).toEqual([
      { value: 'A', timestamp: 5 },
      { value: 'A again', timestamp: 5 },
      { value: 'B', timestamp: 6 },
    ])
  })

  it('aborts what is under way when the task ends, and closes what it opened', async () => {
    const service = new Service()
    const life: string[] = []
    harness = await operatorHarness((ids: DataStream<string>) =>
      ids.mapAsync({
        open: ({ name }) => void life.push(`open ${name}`),
        onRecord: service.call,
        close: () => void life.push('close'),
      }),
    )
    harness.send('a')
    await harness.close()
    expect(service.aborted).toEqual(['a'])
    expect(life).toEqual(['open map-async', 'close'])
  })

  it('refuses a capacity of nothing, a timeout of nothing and a retry without a first call', () => {
    const built = (options: AsyncOptions<number, number>): unknown =>
      job('refused', (env) => void env.from([1]).mapAsync(async (n) => n, options)).build()
    expect(() => built({ capacity: 0 })).toThrow(/mapAsync at .*: capacity is 0/)
    expect(() => built({ timeout: 0 })).toThrow(/mapAsync at .*: timeout is 0/)
    expect(() => built({ retry: { maxAttempts: 0 } })).toThrow(/mapAsync: retry.maxAttempts is 0/)
  })

  it('is what map asks for when it is given an async function', () => {
    const built = (): unknown => job('refused', (env) => void env.from([1]).map(async (n) => n)).build()
    expect(built).toThrow(/map at .* is given an async function; call mapAsync instead/)
  })
})

describe('flatMapAsync', () => {
  it('sends on any number of results for a record', async () => {
    harness = await operatorHarness((ids: DataStream<string>) => ids.flatMapAsync(async (id) => id.split('')))
    for (const word of ['ab', '', 'c']) harness.send(word)
    await harness.advanceBy(0)
    expect(harness.values()).toEqual(['a', 'b', 'c'])
  })
})

interface Order {
  readonly id: number
  readonly customer: string | null
}

describe('a lookup join', () => {
  const ask = async (
    lookup: (customer: string, context: { readonly signal: AbortSignal }) => Promise<string | undefined>,
    more: object = {},
  ) =>
    operatorHarness((orders: DataStream<Order>) =>
      orders.lookupJoin(
        { key: (order) => order.customer, lookup, type: 'left', ...more },
        (order, name) => `${order.id} ${name ?? 'nobody'}`,
      ),
    )

  it('gives each record with what was found, and leaves out what has nothing unless it is a left join', async () => {
    const names = new Map([['x', 'Xenia']])
    const lookup = async (customer: string): Promise<string | undefined> => names.get(customer)
    const orders: Order[] = [
      { id: 1, customer: 'x' },
      { id: 2, customer: 'y' },
      { id: 3, customer: null },
    ]
    const left = await ask(lookup)
    const inner = await operatorHarness((stream: DataStream<Order>) =>
      stream.lookupJoin({ key: (order) => order.customer, lookup }, ({ id }, name) => `${id} ${name.toUpperCase()}`),
    )
    for (const order of orders) {
      left.send(order)
      inner.send(order)
    }
    await left.advanceBy(0)
    await inner.advanceBy(0)
    expect(left.values()).toEqual(['1 Xenia', '2 nobody', '3 nobody'])
    expect(inner.values()).toEqual(['1 XENIA'])
  })

  it('makes one call for records that wait for the same key', async () => {
    const service = new Service()
    const t = await ask(service.call)
    for (const id of [1, 2, 3]) t.send({ id, customer: id === 3 ? 'y' : 'x' })
    expect(service.asked).toEqual(['x', 'y'])
    service.answer('x', 'Xenia')
    service.answer('y', 'Yann')
    await t.advanceBy(0)
    expect(t.values()).toEqual(['1 Xenia', '2 Xenia', '3 Yann'])
  })

  it('asks the cache first, until what is in it is too old or too much', async () => {
    const asked: string[] = []
    const t = await ask(
      async (customer) => {
        asked.push(customer)
        return customer === 'none' ? undefined : customer.toUpperCase()
      },
      { cache: { maxEntries: 2, ttl: '1m' } },
    )
    const send = async (customer: string): Promise<void> => {
      t.send({ id: asked.length, customer })
      await t.advanceBy(0)
    }
    for (const customer of ['x', 'x', 'none', 'none']) await send(customer)
    expect(asked).toEqual(['x', 'none'])
    await send('y')
    await send('x')
    expect(asked).toEqual(['x', 'none', 'y', 'x'])
    await t.advanceBy('61s')
    await send('x')
    expect(asked).toEqual(['x', 'none', 'y', 'x', 'x'])
  })

  it('asks again for what was missing when it is not to be remembered', async () => {
    let calls = 0
    const t = await ask(async () => void calls++ as undefined, { cache: { maxEntries: 9, missing: false } })
    for (const id of [1, 2]) {
      t.send({ id, customer: 'x' })
      await t.advanceBy(0)
    }
    expect(calls).toBe(2)
  })

  it('looks past the cache when it tries again', async () => {
    const answers = [undefined, 'Xenia']
    const retry = { maxAttempts: 2, delay: 10, onResult: (found: unknown) => found === undefined }
    const t = await ask(async () => answers.shift(), { cache: { maxEntries: 9 }, retry })
    t.send({ id: 1, customer: 'x' })
    await t.advanceBy(10)
    expect(t.values()).toEqual(['1 Xenia'])
  })

  it('does not make a record wait for a call that has timed out', async () => {
    const service = new Service()
    const t = await ask(service.call, { timeout: '1s', fallback: () => 'a guess' })
    t.send({ id: 1, customer: 'x' })
    await t.advanceBy('1s')
    t.send({ id: 2, customer: 'x' })
    expect(service.asked).toEqual(['x', 'x'])
    expect(service.aborted).toEqual(['x'])
    service.answer('x', 'too late')
    service.answer('x', 'Xenia')
    await t.advanceBy(0)
    expect(t.values()).toEqual(['1 a guess', '2 Xenia'])
  })

  it('asks for many keys at once', async () => {
    const batches: (readonly string[])[] = []
    const lookup = batchedLookup(
      async (keys: readonly string[]) => {
        batches.push(keys)
        return new Map(keys.filter((key) => key !== 'y').map((key) => [key, key.toUpperCase()]))
      },
      { maxKeys: 2 },
    )
    const t = await ask(lookup)
    ;['x', 'y', 'x', 'z'].forEach((customer, id) => {
      t.send({ id, customer })
    })
    await t.advanceBy(0)
    expect(batches).toEqual([['x', 'y'], ['z']])
    expect(t.values()).toEqual(['0 X', '1 nobody', '2 X', '3 Z'])
  })

  it('says so when a batch has not one result for each key', async () => {
    const t = await ask(batchedLookup(async () => ['only one']))
    for (const customer of ['x', 'y']) t.send({ id: 1, customer })
    expect((await failure(() => t.advanceBy(0))).message).toContain('gave 1 results for 2 keys')
  })
})
