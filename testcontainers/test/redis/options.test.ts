import { describe, expect, it } from 'vitest'
import { slotRange } from '../../src/redis/cluster.ts'
import { redisConfig } from '../../src/redis/options.ts'

const settings = { port: 7000, folder: '/data', bind: '127.0.0.1' }

describe('redisConfig', () => {
  it('writes every command to the disk unless told otherwise', () => {
    expect(redisConfig(settings)).toContain('appendonly "yes"\nappendfsync "always"\n')
    expect(redisConfig({ ...settings, appendonly: false })).toContain('appendonly "no"\n')
    expect(redisConfig({ ...settings, appendfsync: 'no' })).toContain('appendfsync "no"\n')
  })

  it('puts further arguments last, where they win', () => {
    const config = redisConfig({ ...settings, args: ['--maxmemory', '64mb', '--save', '60', '1'] })
    expect(config.endsWith('maxmemory "64mb"\nsave "60" "1"\n')).toBe(true)
  })

  it('quotes the password', () => {
    expect(redisConfig({ ...settings, password: 'a "b" \\' })).toContain('requirepass "a \\"b\\" \\\\"\n')
  })

  it('refuses a value with a line break and arguments without a name', () => {
    expect(() => redisConfig({ ...settings, password: 'a\nb' })).toThrow('line break')
    expect(() => redisConfig({ ...settings, args: ['64mb'] })).toThrow('args')
  })
})

describe('slotRange', () => {
  it('gives every slot to one node', () => {
    for (const count of [3, 5, 64]) {
      const ranges = Array.from({ length: count }, (_, index) => slotRange(index, count))
      expect([ranges[0]?.from, ranges.at(-1)?.to]).toEqual([0, 16_384])
      for (let i = 1; i < count; i++) expect(ranges[i]?.from).toBe(ranges[i - 1]?.to)
    }
  })
})
