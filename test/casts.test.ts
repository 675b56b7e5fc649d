import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

/*
 * The types of the API must be enough: whoever writes a job casts nothing and asserts nothing. So do the examples and the pages.
 */

const root = join(import.meta.dirname, '..')

function filesIn(folder: string, extension: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(extension) && !file.includes('node_modules'))
    .map((file) => join(folder, file))
}

/** The code of a file with its line numbers, without comments and the text of strings. */
function codeOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  let isCode = !file.endsWith('.md')
  return text.split('\n').map((line) => {
    if (file.endsWith('.md') && line.startsWith('```')) isCode = line === '```ts'
    if (!isCode || /^\s*(\/\/|\/?\*|import |export \{)/.test(line)) return ''
    return line.replace(/'[^']*'|"[^"]*"/g, "''").replace(/\/\/.*$/, '')
  })
}

const cast =
  /[\w)\]}] as (?:[A-Z([{']|(?:any|bigint|boolean|keyof|never|number|object|readonly|string|typeof|unknown)\b)/
const assertion = /[\w)\]]!(?=[.[;,)\s]|$)(?!\s*=)/

function castsIn(files: readonly string[]): string[] {
  return files.flatMap((file) =>
    codeOf(file).flatMap((line, at) => {
      // What is between back-quotes is text but for what it inserts.
      const code = line.replace(/`[^`]*`/g, (text) =>
        [...text.matchAll(/\$\{([^}]*)\}/g)].map(([, inner]) => inner).join(';'),
      )
      return cast.test(code) || assertion.test(code) ? [`${file}:${at + 1}: ${line.trim()}`] : []
    }),
  )
}

it('no example and no page of the guide needs a cast or a non-null assertion', () => {
  const files = [
    // Direct computations, which results are compared with, use nothing of the API.
    ...filesIn('examples', '.ts').filter((file) => !file.includes('test') && !file.endsWith('direct.ts')),
    ...filesIn('docs', '.md'),
    'README.md',
  ]
  expect(files.length).toBeGreaterThan(20)
  expect(castsIn(files)).toEqual([])
})

it('casts and assertions would be found', () => {
  for (const wrong of [
    'const n = held as number',
    'f(list[0]!)',
    'x!.y',
    'const a = b as unknown as T[]',
    'g(a!, b)',
  ]) {
    expect(cast.test(wrong) || assertion.test(wrong), wrong).toBe(true)
  }
  for (const right of ['const a = [1] as const', 'if (a !== b) c()', 'if (!a) b()']) {
    expect(cast.test(right) || assertion.test(right), right).toBe(false)
  }
})
