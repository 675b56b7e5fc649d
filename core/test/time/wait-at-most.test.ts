import { expect, it } from 'vitest'
import { waitAtMost } from '../../src/time/clock.ts'
import { VirtualClock } from '../../src/time/virtual-clock.ts'

it('waiting at most so long ends with what is waited for, its failure included, and else when the time is over', async () => {
  const clock = new VirtualClock()
  await waitAtMost(clock, 50, Promise.resolve('done'))
  await expect(waitAtMost(clock, 50, Promise.reject(new Error('failed')))).rejects.toThrow('failed')
  expect(clock.now()).toBe(0)
  let isOver = false
  const waiting = waitAtMost(clock, 50, new Promise(() => {})).then(() => {
    isOver = true
  })
  await clock.advanceBy(49)
  expect(isOver).toBe(false)
  await clock.advanceBy(1)
  await waiting
})
