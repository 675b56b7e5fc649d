import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { job, type RuleName } from '../../../src/index.ts'
import { RULES } from '../../../src/plan/optimize/applied.ts'
import { binary, build, logOf, oracle, type Plan, plans, type Row, rows, unary } from './random-plans.ts'
import { run } from './run-batch.ts'

/** `MILLRACE_PLANS=2000` for a thorough run. */
const PLANS = Number(process.env.MILLRACE_PLANS ?? 40)

const unordered = (values: readonly Row[]): string[] =>
  values.map(({ id, key, value }) => JSON.stringify([id, key, value])).toSorted()

const setups = fc.record({
  parallelism: fc.integer({ min: 1, max: 3 }),
  memoryBudget: fc.constantFrom(1, 2_000, 64 * 1024 * 1024),
})

function result(
  plan: Plan,
  all: readonly Row[],
  setup: { readonly parallelism: number; readonly memoryBudget: number },
  withoutRules: readonly RuleName[] = [],
): Promise<Row[]> {
  return run(build(plan, all), { ...setup, log: logOf(all), withoutRules })
}

const rulesOf = (plan: Plan, withoutRules: readonly RuleName[] = []): RuleName[] =>
  job('explained', (env) => void build(plan, [{ id: 1, key: 1, value: 1 }])(env).print())
    .explain({ parallelism: 2, withoutRules })
    .optimizations.map(({ rule }) => rule)

const dullest: fc.Arbitrary<Plan['source']> = fc.constantFrom('spread', 'splits')

describe('an operator of data sets gives what plain array code gives, at any parallelism and with any budget:', () => {
  for (const op of Object.keys(unary)) {
    it(op, () =>
      fc.assert(
        fc.asyncProperty(dullest, rows, setups, async (source, all, setup) => {
          const plan = { source, steps: [{ op }] }
          expect(unordered(await result(plan, all, setup))).toEqual(unordered(oracle(plan, all)))
        }),
        { numRuns: 12 },
      ),
    )
  }
  for (const op of Object.keys(binary)) {
    it(op, () =>
      fc.assert(
        fc.asyncProperty(dullest, rows, setups, async (source, all, setup) => {
          const plan = { source, steps: [{ op, other: { source, steps: [{ op: 'where !=' }] } }] }
          expect(unordered(await result(plan, all, setup))).toEqual(unordered(oracle(plan, all)))
        }),
        { numRuns: 12 },
      ),
    )
  }
})

describe('a random plan', () => {
  it(
    'gives what plain array code gives, with all rules of the optimiser and with none',
    { timeout: 60_000 + PLANS * 1000 },
    () =>
      fc.assert(
        fc.asyncProperty(plans, rows, setups, async (plan, all, setup) => {
          const expected = unordered(oracle(plan, all))
          expect(unordered(await result(plan, all, setup))).toEqual(expected)
          expect(unordered(await result(plan, all, setup, RULES))).toEqual(expected)
        }),
        { numRuns: PLANS },
      ),
  )

  for (const rule of RULES) {
    it(`gives the same with and without the rule ${rule}, where that applies`, { timeout: 60_000 + PLANS * 1000 }, () =>
      fc.assert(
        fc.asyncProperty(
          plans.filter((plan) => rulesOf(plan).includes(rule)),
          rows,
          setups,
          async (plan, all, setup) => {
            expect(rulesOf(plan, [rule])).not.toContain(rule)
            const expected = unordered(oracle(plan, all))
            expect(unordered(await result(plan, all, setup))).toEqual(expected)
            expect(unordered(await result(plan, all, setup, [rule]))).toEqual(expected)
          },
        ),
        { numRuns: Math.ceil(PLANS / 8) },
      ),
    )
  }
})

it('a rule that there is not is refused, with the names of those that there are', () => {
  const any = job('any', (env) => void env.from([1]).print())
  expect(() => any.explain({ withoutRules: ['choose-joins' as RuleName] })).toThrow(
    expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining('choose-join, ') }),
  )
  expect(() => any.start({ withoutRules: ['choose-joins' as RuleName] })).toThrow(/the rules are share-subplan/)
})
