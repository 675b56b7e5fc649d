import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')

/**
 * The folders and files of core/src, and what else each may import. The base layers are listed lowest first:
 * an entry of a layer may import everything in the layers below it and itself, but not its neighbours in the layer.
 */
const layers = [
  ['structure', 'errors'],
  ['time', 'serde', 'metrics'],
  ['log', 'state'],
  ['connector', 'operator'],
  ['checkpoint'],
  ['runtime'],
  ['cluster'],
]

/** Arrows between neighbours of one layer. */
const neighbours: Record<string, string[]> = {
  errors: ['structure'],
  connector: ['operator'],
}

const below = (layer: number) => layers.slice(0, layer).flat()

const allowed = new Map<string, string[]>()
for (const [level, names] of layers.entries()) {
  for (const name of names) allowed.set(name, [name, ...(neighbours[name] ?? []), ...below(level)])
}
// The engine runs what the plan says; the plan knows nothing of the engine.
for (const name of ['checkpoint', 'runtime', 'cluster']) allowed.get(name)?.push('plan')
const engine = ['checkpoint', 'runtime', 'cluster']
const belowEngine = layers.flat().filter((name) => !engine.includes(name))
const everything = [...layers.flat(), 'plan', 'api', 'testing', 'spi', 'index']
allowed.set('plan', ['plan', 'structure', 'errors', 'time', 'serde', 'state', 'connector', 'operator'])
allowed.set('api', ['api', 'plan', ...belowEngine])
allowed.set(
  'api/environment',
  everything.filter((name) => !['testing', 'spi', 'index'].includes(name)),
)
// What starts a job reaches the engine; the streams do not.
for (const name of ['api/job', 'api/job-handle', 'api/run-options']) {
  allowed.set(name, allowed.get('api/environment') ?? [])
}
allowed.set('testing', everything)
allowed.set(
  'spi',
  everything.filter((name) => name !== 'testing' && name !== 'index'),
)
allowed.set(
  'index',
  everything.filter((name) => name !== 'testing'),
)

/** What each package may import from its sisters. Tests and the examples and benchmarks may use every public entry. */
const publicEntries = [
  '@millrace/core',
  '@millrace/core/testing',
  '@millrace/core/spi',
  '@millrace/connectors',
  '@millrace/testcontainers',
  '@millrace/cep',
]
const sisters: Record<string, string[]> = {
  core: [],
  testcontainers: [],
  cep: ['@millrace/core', '@millrace/core/spi'],
  connectors: ['@millrace/core', '@millrace/core/spi'],
  examples: publicEntries,
  bench: publicEntries,
}
const library = ['@millrace/core', '@millrace/core/testing', '@millrace/core/spi']

interface Import {
  file: string
  specifier: string
}

function sources(pattern: string): string[] {
  return globSync(pattern, { cwd: root, exclude: (name) => name === 'node_modules' || name === 'dist' })
    .map((file) => file.split(sep).join('/'))
    .filter((file) => !file.endsWith('.d.ts'))
}

/** Every module specifier in the text: static, type-only, re-exported, dynamic, and `new URL(…, import.meta.url)`. */
function specifiers(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  const patterns = [
    /^\s*(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\bimport\(\s*['"]([^'"]+)['"]/g,
    /\bnew URL\(\s*['"](\.[^'"]+)['"]\s*,\s*import\.meta\.url/g,
  ]
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ''))
}

function importsOf(pattern: string): Import[] {
  return sources(pattern).flatMap((file) =>
    specifiers(readFileSync(join(root, file), 'utf8')).map((specifier) => ({ file, specifier })),
  )
}

/** `core/src/log/kafka/log.ts` → `log`; `core/src/errors.ts` → `errors`; `core/src/api/job.ts` → `api/job`. */
function place(file: string): string {
  const parts = relative('core/src', file).split(sep).join('/').replace(/\.ts$/, '').split('/')
  const [first = '', second] = parts
  const path = `${first}/${second}`
  return allowed.has(path) ? path : first
}

function violation({ file, specifier }: Import): string | undefined {
  if (specifier.startsWith('@millrace/')) return `${file} imports its own package by name: ${specifier}`
  if (!specifier.startsWith('.')) return undefined
  const target = join(dirname(file), specifier).split(sep).join('/')
  if (!target.startsWith('core/src/')) return `${file} leaves core/src: ${specifier}`
  const from = place(file)
  const to = place(target).replace(/^api\/.*/, 'api')
  const table = allowed.get(from)
  if (table === undefined) return `${file}: "${from}" has no place in the layer table`
  return table.includes(to) ? undefined : `${file} may not import ${target}: ${from} → ${to}`
}

describe('layers', () => {
  it('finds every form of import', () => {
    const text = [
      "import { a } from './a.ts'",
      "import type {\n  B,\n} from './b.ts'",
      "export * from './c.ts'",
      "import './d.ts'",
      "const e = await import('./e.ts')",
      "const f = new Worker(new URL('./f.ts', import.meta.url))",
      "// import { g } from './g.ts'",
      "/** import { h } from './h.ts' */",
    ].join('\n')
    expect(specifiers(text).sort()).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts', './f.ts'])
  })

  it('accepts arrows that point down and refuses the others', () => {
    const arrow = (file: string, specifier: string) => violation({ file, specifier }) === undefined
    expect(arrow('core/src/runtime/task.ts', '../checkpoint/epoch.ts')).toBe(true)
    expect(arrow('core/src/checkpoint/epoch.ts', '../runtime/task.ts')).toBe(false)
    expect(arrow('core/src/log/kafka/log.ts', '../../state/backend.ts')).toBe(false)
    expect(arrow('core/src/state/redis/backend.ts', '../../log/log.ts')).toBe(false)
    expect(arrow('core/src/plan/regions.ts', '../runtime/task.ts')).toBe(false)
    expect(arrow('core/src/runtime/task.ts', '../plan/job-graph.ts')).toBe(true)
    expect(arrow('core/src/api/data-stream.ts', '../cluster/worker.ts')).toBe(false)
    expect(arrow('core/src/api/environment.ts', '../cluster/worker.ts')).toBe(true)
    expect(arrow('core/src/api/data-stream.ts', './environment.ts')).toBe(true)
    expect(arrow('core/src/index.ts', './testing/index.ts')).toBe(false)
    expect(arrow('core/src/log/log.ts', '@millrace/core')).toBe(false)
  })

  it('has core import downwards only', () => {
    const imports = importsOf('core/src/**/*.ts')
    expect(imports.length).toBeGreaterThan(0)
    expect(imports.map(violation).filter((text) => text !== undefined)).toEqual([])
  })

  it('has the packages import only the public entries of the packages they may use', () => {
    const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { workspaces: string[] }
    const wrong: string[] = []
    for (const folder of workspaces) {
      if (folder === 'core' || !existsSync(join(root, folder))) continue
      for (const { file, specifier } of importsOf(`${folder}/**/*.ts`)) {
        const isTest = file.includes('/test/') || file.endsWith('.test.ts')
        const entries = isTest ? publicEntries : (sisters[folder] ?? library)
        if (specifier.startsWith('@millrace/') && !entries.includes(specifier)) wrong.push(`${file}: ${specifier}`)
        if (!specifier.startsWith('.')) continue
        const target = join(dirname(file), specifier).split(sep).join('/')
        if (!target.startsWith(`${folder}/`)) wrong.push(`${file} leaves its package: ${specifier}`)
      }
    }
    expect(wrong).toEqual([])
  })
})
