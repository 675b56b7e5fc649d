import { describe, expect, it } from 'vitest'
import { job, restart, silentLogger } from '../../../src/index.ts'

const largest = {
  create: () => 0,
  add: (most: number, n: number) => Math.max(most, n),
  merge: (left: number, right: number) => Math.max(left, right),
  result: (most: number) => most,
}

describe('accumulators', () => {
  for (const parallelism of [1, 2]) {
    it(`are in the result of the job, once each record, also after a failure (parallelism ${parallelism})`, async () => {
      let failures = 1
      const counted = job('counted', (env) => {
        const numbers = env.generate({ make: (n) => n, count: 5000, splits: 3 }).bounded()
        numbers
          .map((n) => {
            if (n === 4000 && failures-- > 0) throw new Error('on purpose')
            return n
          })
          .counter('all')
        numbers.filter((n) => n % 10 === 0).counter('tens')
        numbers.filter((n) => n < 0).counter('negative')
        numbers.accumulate('largest', largest)
      })
      const { accumulators } = await counted.run({
        parallelism,
        epochInterval: 1,
        logger: silentLogger,
        restart: restart.fixedDelay({ attempts: 3, delay: 1 }),
      })
      expect(failures).toBeLessThan(1)
      expect(accumulators).toEqual({ all: 5000, tens: 500, negative: 0, largest: 4999 })
    })
  }

  it('have names of their own', () => {
    const twice = job('twice', (env) => {
      const numbers = env.from([1]).bounded()
      numbers.counter('all')
      numbers.counter('all')
    })
    expect(() => twice.explain()).toThrow(/accumulator 'all'/)
  })
})
