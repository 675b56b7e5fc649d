import { expect, it } from 'vitest'
import { job, json, watermarks } from '../../src/index.ts'
import { testHarness } from '../../src/testing/index.ts'

it('a task shows its watermark, and what it read and wrote', async () => {
  const time = watermarks.bounded<{ at: number }>(5, ({ at }) => at)
  const t = await testHarness(
    job('numbers', (env) => {
      env
        .topic('in', json<{ at: number }>(), { time })
        .filter(({ at }) => at > 100)
        .toTopic('out', json())
    }),
  )
  const metric = (name: string): number => Number(new RegExp(`^${name}{.*} (\\S+)$`, 'm').exec(t.handle.metrics())?.[1])
  for (const at of [7, 1_000, 990]) t.topic<{ at: number }>('in').send({ at })
  await t.settle()
  expect(metric('millrace_task_watermark_ms')).toBe(994)
  expect(metric('millrace_records_in_total')).toBe(3)
  expect(metric('millrace_records_out_total')).toBe(2)
  await t.stop()
})
