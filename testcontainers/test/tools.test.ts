import { describe, expect, it } from 'vitest'
import { javaVersion } from '../src/java.ts'
import { pom } from '../src/maven.ts'
import { entryPattern } from '../src/redis/binary.ts'

describe('javaVersion', () => {
  it('reads the major version of old and new Javas', () => {
    expect(javaVersion('openjdk version "17.0.15" 2025-04-15')).toBe(17)
    expect(javaVersion('java version "1.8.0_292"')).toBe(8)
    expect(javaVersion('openjdk version "25" 2025-09-16')).toBe(25)
    expect(javaVersion('not a java')).toBeUndefined()
  })
})

describe('pom', () => {
  it('lists the artifacts', () => {
    expect(pom(['g.h:a_2.13:1.0'])).toContain(
      '<dependency><groupId>g.h</groupId><artifactId>a_2.13</artifactId><version>1.0</version></dependency>',
    )
  })
})

describe('entryPattern', () => {
  it('names the program for the machine, and refuses a machine that has none', () => {
    expect('redis-server-6.2.6-v5-linux-amd64'.endsWith(entryPattern('linux', 'x64'))).toBe(true)
    expect('redis-server-6.2.6-v5-darwin-arm64'.endsWith(entryPattern('darwin', 'arm64'))).toBe(true)
    expect(() => entryPattern('win32', 'x64')).toThrow('install redis-server')
  })
})
