// Makes a fresh checkout ready, and then runs a program of it:
//
//   node scripts/setup.mjs                     installs the dependencies if they are missing or out of date
//   node scripts/setup.mjs <file> [...args]    the same, then runs the file on the pinned node, from the sources
//
// It runs before anything is installed: no dependencies, no types, any node from 20 on.

import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const modules = join(root, 'node_modules')
const stampFile = join(modules, '.millrace-stamp')
const isWindows = process.platform === 'win32'
const node = join(modules, 'node', 'bin', isWindows ? 'node.exe' : 'node')

/** The hash of everything that decides what an installation holds. */
function wantedStamp() {
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const files = ['package.json', '.npmrc', ...workspaces.map((folder) => `${folder}/package.json`)]
  const hash = createHash('sha256')
  for (const file of files) {
    const path = join(root, file)
    hash.update(`${file}\n${existsSync(path) ? readFileSync(path, 'utf8') : ''}\n`)
  }
  return hash.digest('hex')
}

function install() {
  const stamp = wantedStamp()
  if (existsSync(node) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return
  if (Number.parseInt(process.versions.node, 10) < 20) {
    // An old node makes npm leave out optional packages that the tools need.
    console.error(`node ${process.versions.node} is too old to install with: node 20 or newer is needed`)
    process.exit(1)
  }
  console.error('installing the dependencies (npm install) ...')
  rmSync(stampFile, { force: true })
  // Engine warnings about the outer node are noise: the pinned node is one of the dependencies.
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: isWindows,
  })
  if (status !== 0) {
    console.error(`npm install failed with status ${status}`)
    process.exit(1)
  }
  if (!existsSync(node)) {
    console.error(`npm install did not put node at ${node}: its install script must run (is "ignore-scripts" set?)`)
    process.exit(1)
  }
  writeFileSync(stampFile, stamp)
}

function run(file, args) {
  const child = spawn(node, ['--conditions=@millrace/source', file, ...args], {
    stdio: 'inherit',
    env: { ...process.env, PATH: `${join(modules, '.bin')}${delimiter}${process.env.PATH ?? ''}` },
  })
  // The terminal sends SIGINT to both; a supervisor sends SIGTERM to this process alone. The child decides when to end.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('error', (error) => {
    console.error(error.message)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 1)
  })
}

install()
const [file, ...args] = process.argv.slice(2)
if (file !== undefined) run(file, args)
