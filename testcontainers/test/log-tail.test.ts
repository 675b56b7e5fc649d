import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { redact, tailFile } from '../src/log-tail.ts'

describe('tailFile', () => {
  it('gives the last lines, also of a file that is larger than its buffer', () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-tail-test-'))
    const file = join(folder, 'log')
    const lines = Array.from({ length: 50_000 }, (_, i) => `line ${i}`)
    writeFileSync(file, `${lines.join('\n')}\n`)
    expect(tailFile(file, 2)).toBe('line 49998\nline 49999')
    rmSync(folder, { recursive: true })
  })

  it('is empty where there is no file yet', () => {
    expect(tailFile('/nowhere/at/all', 5)).toBe('')
  })
})

describe('redact', () => {
  it('hides every form of a secret', () => {
    const secret = 'a"b\\c'
    const text = `${secret} requirepass "a\\"b\\\\c" jaas a\\\\"b\\\\\\\\c end`
    expect(redact(text, [secret, ''])).toBe('*** requirepass "***" jaas *** end')
  })
})
