import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { OverBudget, Shape, Used } from './over-budget.ts'

const MB = 1024 * 1024
/** Of 230 bytes each as objects, of 155 each as bytes: 92 MB in all, and twice that for the join. */
const COUNT = 400_000
const BUDGET = 16 * MB
/** Less than the data, and more than the program and the budget. */
const HEAP_MB = 64

async function inProcess(options: OverBudget): Promise<Used> {
  const file = fileURLToPath(new URL('./over-budget.ts', import.meta.url))
  const limits = [`--max-old-space-size=${HEAP_MB}`, '--conditions=@millrace/source']
  const { stdout } = await promisify(execFile)(process.execPath, [...limits, file, JSON.stringify(options)])
  return JSON.parse(stdout) as Used
}

describe('a job over more than five times its budget ends in a process whose heap could not hold its data:', () => {
  for (const shape of ['sort', 'join', 'groups', 'sorted groups'] as const satisfies readonly Shape[]) {
    it(shape, { timeout: 180_000 }, async () => {
      const { results, spilledBytes, grownBytes } = await inProcess({ shape, count: COUNT, memoryBudget: BUDGET })
      expect(results).toBe(COUNT)
      // Outside the heap it does not hold it either.
      expect(spilledBytes).toBeGreaterThan(COUNT * 130)
      expect(grownBytes).toBeLessThan((HEAP_MB + (8 * BUDGET) / MB) * MB)
    })
  }

  it('without a budget it does not end', { timeout: 180_000 }, async () => {
    const unbounded = inProcess({ shape: 'sort', count: COUNT, memoryBudget: 1024 * MB })
    await expect(unbounded).rejects.toThrow(/heap out of memory|heap limit/)
  })
})
