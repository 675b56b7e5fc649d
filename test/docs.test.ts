import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/*
 * The pages of the guide are programs: the code blocks of a page, one after the other, are a module that checks itself. They
 * are type-checked and run, so what the guide shows works as shown.
 */

const root = join(import.meta.dirname, '..')
const modules = join(import.meta.dirname, '.docs')
const guide = [
  'async',
  'batch',
  'cep',
  'formats',
  'functions',
  'iterations',
  'joins',
  'state',
  'testing',
  'time',
  'windows',
]

function codeOf(page: string): string {
  const text = readFileSync(join(root, 'docs', `${page}.md`), 'utf8')
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1]).join('\n')
}

beforeAll(() => {
  rmSync(modules, { recursive: true, force: true })
  mkdirSync(modules)
  for (const page of guide) writeFileSync(join(modules, `${page}.ts`), `${codeOf(page)}\nexport {}\n`)
  const config = {
    extends: '../../tsconfig.leaf.json',
    compilerOptions: { noEmit: true, composite: false, incremental: false, customConditions: ['@millrace/source'] },
    files: guide.map((page) => `${page}.ts`),
  }
  writeFileSync(join(modules, 'tsconfig.json'), JSON.stringify(config))
})

afterAll(() => {
  rmSync(modules, { recursive: true, force: true })
})

describe('the guide', () => {
  it('has no code but what is checked here', () => {
    const pages = readdirSync(join(root, 'docs')).filter((file) => file.endsWith('.md'))
    const withCode = pages.filter((file) => /^```ts$/m.test(readFileSync(join(root, 'docs', file), 'utf8')))
    expect(withCode.filter((file) => !guide.includes(file.replace('.md', '')))).toEqual([])
  })

  it('is type-correct', { timeout: 60_000 }, () => {
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    try {
      execFileSync(process.execPath, [tsc, '-p', modules], { encoding: 'utf8' })
    } catch (error) {
      expect.fail((error as { stdout: string }).stdout)
    }
  })

  it.each(guide)('works as the page on %s shows', { timeout: 60_000 }, async (page) => {
    expect(codeOf(page)).not.toBe('')
    await import(join(modules, `${page}.ts`))
  })
})
