import { expect, it } from 'vitest'
import { runKilled } from '../on-kafka.ts'

it.each([
  { name: 'components', parallelism: 1, size: 1_500, killAfterRounds: 300 },
  { name: 'components', parallelism: 2, size: 60, killAfterRounds: 20 },
  { name: 'k-means', parallelism: 1, size: 40_000, killAfterRounds: 8 },
  { name: 'k-means', parallelism: 2, size: 10_000, killAfterRounds: 8 },
] as const)(
  '$name with $parallelism tasks goes on after kill -9 where it was, and ends as without',
  { timeout: 200_000 },
  async (options) => {
    const result = await runKilled(options)
    expect(result).toMatchObject({ isRight: true, repeatedOrMissing: 0 })
    expect(result.committedBefore).toBeGreaterThanOrEqual(options.killAfterRounds)
    expect(result.committedBefore).toBeLessThan(result.rounds)
    // What was committed is not computed again.
    expect(result.resumedWith).toBe(result.committedBefore + 1)
  },
)
