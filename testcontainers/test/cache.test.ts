import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cacheFolder, withLock } from '../src/cache.ts'

describe('cacheFolder', () => {
  it("is MILLRACE_CACHE, else a folder of the user's cache", () => {
    expect(cacheFolder({ MILLRACE_CACHE: 'here' }, 'linux', '/u/a')).toBe(resolve('here'))
    expect(cacheFolder({ XDG_CACHE_HOME: '/x' }, 'linux', '/u/a')).toBe('/x/millrace')
    expect(cacheFolder({ XDG_CACHE_HOME: 'relative' }, 'linux', '/u/a')).toBe('/u/a/.cache/millrace')
    expect(cacheFolder({}, 'darwin', '/u/a')).toBe('/u/a/Library/Caches/millrace')
    expect(cacheFolder({ LOCALAPPDATA: '/local' }, 'win32', '/a')).toBe('/local/millrace')
  })
})

describe('withLock', () => {
  let folder = ''
  let file = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-lock-test-'))
    file = join(folder, 'deep', 'x.lock')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('lets one in at a time and leaves no file behind', async () => {
    const inside: number[] = []
    let count = 0
    const work = async () => {
      inside.push(++count)
      await new Promise((resolve) => setImmediate(resolve))
      count--
    }
    await Promise.all([withLock(file, work), withLock(file, work), withLock(file, work)])
    expect(inside).toEqual([1, 1, 1])
    expect(existsSync(file)).toBe(false)
  })

  it('names its owner and is released when the work fails', async () => {
    const work = withLock(file, async () => {
      throw new Error(`held by ${readFileSync(file, 'utf8')}`)
    })
    await expect(work).rejects.toThrow(`held by ${process.pid}`)
    expect(existsSync(file)).toBe(false)
  })

  it('takes over the lock of an owner that is dead', async () => {
    const lock = join(folder, 'y.lock')
    writeFileSync(lock, String(2 ** 30))
    expect(await withLock(lock, async () => 'in')).toBe('in')
  })
})
