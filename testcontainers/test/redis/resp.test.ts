import { describe, expect, it } from 'vitest'
import { encodeCommand, parseReply } from '../../src/redis/resp.ts'

const parse = (text: string) => parseReply(Buffer.from(text), 0)

describe('parseReply', () => {
  it('reads each type', () => {
    expect(parse('+OK\r\n')?.reply).toBe('OK')
    expect(parse(':-7\r\n')?.reply).toBe(-7)
    expect(parse('$2\r\né\r\n')?.reply).toBe('é')
    expect(parse('$-1\r\n')?.reply).toBeNull()
    expect(parse('*2\r\n*1\r\n:1\r\n$1\r\na\r\n')?.reply).toEqual([[1], 'a'])
  })

  it('waits for the rest of an incomplete reply', () => {
    const whole = '*2\r\n$3\r\na\r\n\r\n:12\r\n'
    for (let length = 0; length < whole.length; length++) expect(parse(whole.slice(0, length))).toBeUndefined()
    expect(parse(whole)).toEqual({ reply: ['a\r\n', 12], end: whole.length })
  })

  it('throws the text of an error reply and of a server that is not Redis', () => {
    expect(() => parse('-ERR no\r\n')).toThrow('ERR no')
    expect(() => parse('HTTP/1.1 400\r\n')).toThrow('not a RESP reply')
  })
})

describe('encodeCommand', () => {
  it('counts bytes, not characters', () => {
    expect(encodeCommand(['SET', 'é'])).toBe('*2\r\n$3\r\nSET\r\n$2\r\né\r\n')
  })
})
