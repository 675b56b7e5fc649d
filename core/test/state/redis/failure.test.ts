import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { kindOf, reasonOf, withoutArguments } from '../../../src/state/redis/failure.ts'

describe('failures of Redis', () => {
  it.each([
    ['LOADING Redis is loading the dataset in memory', 'unreachable'],
    ["READONLY You can't write against a read only replica.", 'unreachable'],
    ['CLUSTERDOWN Hash slot not served', 'unreachable'],
    ['ERR Error running script (call to f_1): @user_script:1: MOVED 1 127.0.0.1:7', 'unreachable'],
    ['connect ECONNREFUSED 127.0.0.1:1', 'unreachable'],
    ['Reached the max retries per request limit (which is 0).', 'unreachable'],
    ['Connection is closed.', 'unreachable'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'refused'],
    ['NOAUTH Authentication required.', 'refused'],
    ["NOPERM this user has no permissions to run the 'eval' command", 'refused'],
    ['NOSCRIPT No matching script. Please use EVAL.', 'no-script'],
    ['OOM command not allowed when used memory > maxmemory', 'permanent'],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'permanent'],
  ])('%s: %s', (message, kind) => {
    expect(kindOf(new Error(message))).toBe(kind)
  })

  it('are known by their code where the message says nothing', () => {
    const error = Object.assign(new AggregateError([new Error('connect ECONNREFUSED ::1:1')], ''), {
      code: 'ECONNREFUSED',
    })
    expect([kindOf(error), reasonOf(error)]).toEqual(['unreachable', 'connect ECONNREFUSED ::1:1'])
  })

  it('lose the arguments of their command, however deep they lie', () => {
    const inner = Object.assign(new Error('WRONGPASS'), { command: { name: 'auth', args: ['hunter2'] } })
    const error = Object.assign(new Error('outer', { cause: inner }), { lastNodeError: inner })
    expect(inspect(withoutArguments(error), { depth: 9 })).not.toContain('hunter2')
    expect(inner.command).toEqual({ name: 'auth' })
  })
})
