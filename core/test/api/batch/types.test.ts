import { describe, expectTypeOf, it } from 'vitest'
import { type DataSet, type Environment, job } from '../../../src/index.ts'

interface Sale {
  readonly shop: string
  readonly amount: number
}

/** Types are checked by the compiler; the graph is built to see that it can be. */
function described(describe: (sales: DataSet<Sale>, env: Environment) => void): void {
  job('typed', (env) => describe(env.from([{ shop: 'a', amount: 1 } as Sale]).bounded(), env)).build()
}

describe('the types of a data set', () => {
  it('follow keys and results of groups', () => {
    described((sales) => {
      expectTypeOf(sales.groupBy('shop').count()).toEqualTypeOf<DataSet<readonly [string, number]>>()
      expectTypeOf(sales.groupBy(({ amount }) => amount > 1).count()).toEqualTypeOf<
        DataSet<readonly [boolean, number]>
      >()
      const sum = {
        create: () => 0,
        add: (held: number, { amount }: Sale) => held + amount,
        result: (held: number) => `${held}`,
      }
      expectTypeOf(sales.groupBy('shop').aggregate(sum)).toEqualTypeOf<DataSet<readonly [string, string]>>()
      expectTypeOf(sales.groupBy('shop').aggregate(sum, (text, shop) => ({ text, shop }))).toEqualTypeOf<
        DataSet<{ text: string; shop: string }>
      >()
      expectTypeOf(sales.project('amount')).toEqualTypeOf<DataSet<Pick<Sale, 'amount'>>>()
      expectTypeOf(sales.zipWithIndex()).toEqualTypeOf<DataSet<readonly [number, Sale]>>()
    })
  })

  it('know which side of an outer join may be missing', () => {
    described((sales) => {
      sales.join(sales, { key: 'shop', by: 'shop' }, (left, right) => {
        expectTypeOf(left).toEqualTypeOf<Sale>()
        expectTypeOf(right).toEqualTypeOf<Sale>()
        return 1
      })
      sales.join(sales, { key: 'shop', by: 'shop', type: 'left' }, (left, right) => {
        expectTypeOf(left).toEqualTypeOf<Sale>()
        expectTypeOf(right).toEqualTypeOf<Sale | undefined>()
        return 1
      })
    })
  })

  it('give functions the other data sets by their names', () => {
    described((sales) => {
      sales.withSets({ count: sales.count(), all: sales }).map((sale, { count, all }) => {
        expectTypeOf(sale).toEqualTypeOf<Sale>()
        expectTypeOf(count).toEqualTypeOf<readonly number[]>()
        expectTypeOf(all).toEqualTypeOf<readonly Sale[]>()
        return 1
      })
    })
  })

  it('refuse fields that are not there, and values of another type', () => {
    described((sales) => {
      // @ts-expect-error no such field
      sales.groupBy('city')
      // @ts-expect-error not a number
      sales.where('amount', '>', 'a')
      // @ts-expect-error no order
      sales.map(({ shop }) => ({ shop: { name: shop } })).maxBy('shop')
    })
  })
})
