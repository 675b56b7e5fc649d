import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const docs = join(import.meta.dirname, '..', 'docs')
const text = readFileSync(join(docs, 'features.md'), 'utf8')

it('every feature of the list links to tests that are there, by their names', () => {
  const rows = text.split('\n').filter((line) => /^\| (?!feature|---)/.test(line))
  expect(rows.length).toBeGreaterThan(60)
  const broken: string[] = []
  for (const row of rows) {
    const links = [...row.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)]
    if (links.length === 0) broken.push(row)
    for (const [, name = '', file = ''] of links) {
      const path = join(docs, file)
      const isFile = file.endsWith(name)
      if (!existsSync(path) || (!isFile && !readFileSync(path, 'utf8').includes(name))) broken.push(`${name} (${file})`)
    }
  }
  expect(broken).toEqual([])
})
