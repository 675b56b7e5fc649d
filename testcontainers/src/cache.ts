import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isAlive } from './process-table.ts'

const longestWorkMillis = 15 * 60_000

/**
 * Where fetched servers are kept between runs: `MILLRACE_CACHE`, or `millrace` in the user's cache folder.
 * It can be deleted at any time when no test runs.
 */
export function cacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
  home: string = homedir(),
): string {
  if (env.MILLRACE_CACHE) return resolve(env.MILLRACE_CACHE)
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(home, 'AppData', 'Local'), 'millrace')
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'millrace')
  const xdg = env.XDG_CACHE_HOME
  return join(xdg !== undefined && isAbsolute(xdg) ? xdg : join(home, '.cache'), 'millrace')
}

/**
 * Runs `work` while no other process runs work under the same lock file. A lock whose owner is dead is taken over.
 * Two that take over at the same instant may both run: the work must be safe to do twice, the lock only saves effort.
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true })
  while (!tryLock(file)) await delay(100)
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

function tryLock(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  if (isStale(file)) rmSync(file, { force: true })
  return false
}

/** Whether the owner is dead, died before it could write its id, or can only be another process with its old id. */
function isStale(file: string): boolean {
  try {
    const owner = Number(readFileSync(file, 'utf8'))
    // The age by the clock of the machine: the owner is another process.
    const ageMillis = Date.now() - statSync(file).mtimeMs
    if (ageMillis > longestWorkMillis) return true
    return owner > 0 ? !isAlive(owner) : ageMillis > 10_000
  } catch {
    // Released meanwhile: the next try has it.
    return false
  }
}
