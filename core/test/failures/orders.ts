import { expect } from 'vitest'
import { type DataStream, type Environment, type Job, job, json, StreamError, watermarks } from '../../src/index.ts'
import type { TestHarness } from '../../src/testing/index.ts'

export interface Order {
  readonly id: string
  readonly time: number
}

export const boom = new TypeError('no such price')
/** Throws for the third record only, and only as often as it is told to. */
export function failingAt(id: string, times: number): { check(order: Order): Order } {
  let left = times
  return {
    check(order) {
      if (order.id !== id || left === 0) return order
      left--
      throw boom
    },
  }
}

export async function failureOf(t: TestHarness): Promise<StreamError> {
  for (let n = 0; n < 5; n++) {
    try {
      await t.settle()
    } catch (error) {
      expect(StreamError.is(error)).toBe(true)
      return error as StreamError
    }
  }
  throw new Error('The job did not fail.')
}

export type Build = (orders: DataStream<Order>, env: Environment) => void

export function orders(build: Build, timestamp = (order: Order): number => order.time): Job {
  return job('orders', (env) => {
    build(env.topic('in', json<Order>(), { time: watermarks.bounded(0, timestamp) }), env)
  })
}
