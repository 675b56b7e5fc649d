import { execFile } from 'node:child_process'
import { chmodSync, existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder, withLock } from '../cache.ts'
import { ServerError } from '../errors.ts'
import { findJava } from '../java.ts'
import { fetchJars } from '../maven.ts'

const run = promisify(execFile)
const version = '1.4.4'

/**
 * The program to run: `MILLRACE_REDIS_SERVER`, `redis-server` on the PATH, else the one inside the Maven artifact
 * `com.github.codemonstur:embedded-redis`.
 *
 * @throws ServerError SERVER_UNAVAILABLE when all fail
 */
export async function findRedisServer(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const named = env.MILLRACE_REDIS_SERVER || 'redis-server'
  try {
    await run(named, ['--version'])
    return named
  } catch (cause) {
    if (env.MILLRACE_REDIS_SERVER) {
      throw new ServerError('SERVER_UNAVAILABLE', `MILLRACE_REDIS_SERVER cannot be run: ${named}`, { cause })
    }
    return await embeddedRedisServer()
  }
}

/** The binary of the Maven artifact, unpacked into the cache. */
export async function embeddedRedisServer(): Promise<string> {
  const cache = cacheFolder()
  const target = join(cache, `redis-${version}-${process.platform}-${process.arch}`)
  const program = join(target, 'redis-server')
  if (existsSync(program)) return program
  const entry = entryPattern(process.platform, process.arch)
  const jars = await fetchJars(`embedded-redis-${version}`, [`com.github.codemonstur:embedded-redis:${version}`])
  await withLock(`${target}.lock`, async () => {
    if (existsSync(program)) return
    mkdirSync(cache, { recursive: true })
    const work = mkdtempSync(`${target}.partial-`)
    try {
      await unpack(join(jars, `embedded-redis-${version}.jar`), entry, work)
      renameSync(work, target)
    } catch (cause) {
      if (existsSync(program)) return
      throw new ServerError('SERVER_UNAVAILABLE', 'redis-server is not on the PATH and could not be unpacked', {
        cause,
      })
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  })
  return program
}

/** A jar is a zip file; Java's own `jar` is there wherever Maven is. */
async function unpack(jar: string, entry: string, folder: string): Promise<void> {
  const { jar: tool } = await findJava(11)
  const { stdout } = await run(tool, ['tf', jar])
  const name = stdout
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line.endsWith(entry))
  if (name === undefined) throw new Error(`${jar} holds no program for ${process.platform} ${process.arch}`)
  await run(tool, ['xf', jar, name], { cwd: folder })
  const [file] = globSync(`**/*${entry}`, { cwd: folder })
  if (file === undefined) throw new Error(`${name} was not unpacked`)
  renameSync(join(folder, file), join(folder, 'redis-server'))
  chmodSync(join(folder, 'redis-server'), 0o755)
}

/** How the artifact's entry for a machine ends. */
export function entryPattern(platform: NodeJS.Platform, arch: NodeJS.Architecture): string {
  const cpu = { x64: 'amd64', arm64: 'arm64' }[arch as string]
  if (cpu === undefined || (platform !== 'linux' && platform !== 'darwin')) {
    throw new ServerError('SERVER_UNAVAILABLE', `install redis-server: there is none to fetch for ${platform} ${arch}`)
  }
  return `-${platform}-${cpu}`
}
