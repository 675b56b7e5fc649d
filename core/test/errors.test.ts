import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { errorCodes, FencedError, fromWire, StreamError, toWire } from '../src/errors.ts'

describe('errors', () => {
  it('say where they happened, and more as it becomes known', () => {
    const error = new StreamError('USER_FUNCTION_FAILED', 'It threw.', { where: { operator: 'count' } })
    error.locate({ operator: 'outer', topic: 'payments', partition: 2, offset: 17 })
    expect(error.message).toBe('It threw. [operator count, topic payments partition 2 offset 17]')
    expect(error.where).toEqual({ operator: 'count', topic: 'payments', partition: 2, offset: 17 })
  })

  it('are recognised by their mark, not by their class', () => {
    expect(StreamError.is(new FencedError('late'))).toBe(true)
    expect(StreamError.is({ '~millrace': 'StreamError' })).toBe(true)
    expect(StreamError.is(new Error('FENCED'))).toBe(false)
    expect(StreamError.is(null)).toBe(false)
  })

  it('cross to another thread with code, place, reaction and causes', () => {
    const root = new Error('disk full', { cause: new TypeError('inner') })
    const error = new StreamError('SINK_FAILED', 'The sink failed.', { where: { operator: 'files' }, cause: root })
    const back = fromWire(structuredClone(toWire(error)))
    expect(back).toMatchObject({ code: 'SINK_FAILED', reaction: 'restart-task', where: { operator: 'files' } })
    expect(back.message).toBe(error.message)
    expect((back.cause as Error).message).toBe('Error: disk full')
    expect(((back.cause as Error).cause as Error).message).toBe('TypeError: inner')
  })

  it('are all documented, and nothing else is', () => {
    const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
    const documented = [...text.matchAll(/^\| (`[A-Z_`, ]+`) \|/gm)].flatMap((row) =>
      [...(row[1] ?? '').matchAll(/`([A-Z_]+)`/g)].map((match) => match[1] ?? ''),
    )
    expect(documented.sort()).toEqual([...errorCodes].sort())
  })
})
