import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')

interface Manifest {
  name: string
  version: string
  private?: boolean
  type?: string
  workspaces?: string[]
  files?: string[]
  exports?: Record<string, string | Record<string, string>>
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

const manifest = (folder: string): Manifest => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
const top = manifest('.')
const packages = (top.workspaces ?? []).map((folder) => ({ folder, ...manifest(folder) }))
const libraries = packages.filter((each) => each.private !== true)

describe('package.json', () => {
  it.each(libraries)('$name exports source, types and default, in this order, and the source exists', (library) => {
    expect(library.type).toBe('module')
    expect(library.files).toEqual(expect.arrayContaining(['dist', 'src']))
    expect(library.exports?.['./package.json']).toBe('./package.json')
    const entries = Object.values(library.exports ?? {}).filter((entry) => typeof entry !== 'string')
    expect(entries.length).toBeGreaterThan(0)
    for (const entry of entries) {
      expect(Object.keys(entry)).toEqual(['@millrace/source', 'types', 'default'])
      const source = entry['@millrace/source'] ?? ''
      expect(existsSync(join(root, library.folder, source)), source).toBe(true)
      const compiled = source.replace('./src/', './dist/').replace(/\.ts$/, '')
      expect([entry.types, entry.default]).toEqual([`${compiled}.d.ts`, `${compiled}.js`])
    }
  })

  it('names every dependency by an exact version', () => {
    for (const each of [top, ...packages]) {
      const { dependencies, devDependencies, optionalDependencies, peerDependencies } = each
      const all = { ...dependencies, ...devDependencies, ...optionalDependencies, ...peerDependencies }
      for (const [name, version] of Object.entries(all)) {
        expect(version, `${each.name}: ${name}`).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/)
      }
    }
  })

  it('gives all packages one version, also where they name each other', () => {
    for (const each of packages) {
      expect(each.version, each.name).toBe(top.version)
      for (const [name, version] of Object.entries(each.dependencies ?? {})) {
        if (name.startsWith('@millrace/')) expect(version, `${each.name}: ${name}`).toBe(top.version)
      }
    }
  })

  it('pins node once', () => {
    expect(readFileSync(join(root, '.node-version'), 'utf8').trim()).toBe(top.devDependencies?.node)
  })
})

describe('files', () => {
  // Written in pieces, so that this file does not find itself.
  const forbidden = [
    new RegExp(`(?<![\\w.~-])/(?:${['home', 'Users', 'work', 'root'].join('|')})/[\\w.-]+`),
    /\b[A-Z]:\\\\?Users\\/,
    new RegExp(`${['registry', '\\.'].join('')}(?:npmjs|yarnpkg)|${['_auth', 'Token'].join('')}`),
  ]

  const files = () => {
    // Not in a git checkout (a source archive): nothing is tracked.
    if (!existsSync(join(root, '.git'))) return []
    const list = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8' })
    return list.split('\0').filter((file) => file !== '' && existsSync(join(root, file)))
  }

  it('name no path of one machine and no registry', () => {
    const found: string[] = []
    for (const file of files()) {
      const path = join(root, file)
      if (statSync(path).size > 1_000_000) continue
      const text = readFileSync(path, 'utf8')
      if (text.includes('\0')) continue
      for (const pattern of forbidden) {
        const match = pattern.exec(text)
        if (match !== null) found.push(`${file}: ${match[0]}`)
      }
    }
    expect(found).toEqual([])
  })

  it('has no lock file', () => {
    expect(files().filter((file) => /(^|\/)(package-lock\.json|yarn\.lock|pnpm-lock\.yaml)$/.test(file))).toEqual([])
  })
})
