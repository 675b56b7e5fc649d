import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder, withLock } from './cache.ts'
import { ServerError } from './errors.ts'
import { lastLines } from './log-tail.ts'

const run = promisify(execFile)
const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'

/** Exact coordinates `group:artifact:version`. */
export type Coordinates = `${string}:${string}:${string}`

/**
 * The folder with the jars of the artifacts and of everything they need. Fetched by `mvn` once, by one process;
 * then it is there for all. The name says what is in it, versions included: other versions get another folder.
 *
 * @throws ServerError SERVER_UNAVAILABLE when `mvn` is missing or fails
 */
export async function fetchJars(name: string, artifacts: readonly Coordinates[]): Promise<string> {
  const cache = cacheFolder()
  const target = join(cache, name)
  if (existsSync(target)) return target
  await withLock(join(cache, `${name}.lock`), async () => {
    if (existsSync(target)) return
    mkdirSync(cache, { recursive: true })
    const work = mkdtempSync(join(cache, `${name}.partial-`))
    try {
      await copyDependencies(work, name, artifacts)
      install(join(work, 'lib'), target)
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  })
  return target
}

async function copyDependencies(work: string, name: string, artifacts: readonly Coordinates[]): Promise<void> {
  writeFileSync(join(work, 'pom.xml'), pom(artifacts))
  const lib = join(work, 'lib')
  try {
    await run('mvn', ['-q', '-B', '-f', work, plugin, `-DoutputDirectory=${lib}`, '-DincludeScope=runtime'], {
      shell: process.platform === 'win32',
    })
  } catch (cause) {
    const error = cause as NodeJS.ErrnoException & { stdout?: string; stderr?: string }
    const reason =
      error.code === 'ENOENT'
        ? 'mvn is not installed: install Maven'
        : lastLines(`${error.stdout ?? ''}\n${error.stderr ?? ''}`, 15)
    throw new ServerError('SERVER_UNAVAILABLE', `${name} could not be fetched: ${reason}`, { cause })
  }
}

/** A whole folder appears at once, so a folder that is there is complete. */
function install(from: string, target: string): void {
  try {
    renameSync(from, target)
  } catch (error) {
    // Another process that took over the same lock was first; its folder is as good.
    if (!existsSync(target)) throw error
  }
}

export function pom(artifacts: readonly Coordinates[]): string {
  const dependencies = artifacts.map((coordinates) => {
    const [group, artifact, version] = coordinates.split(':')
    return `    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`
  })
  return [
    '<project xmlns="http://maven.apache.org/POM/4.0.0">',
    '  <modelVersion>4.0.0</modelVersion>',
    '  <groupId>millrace</groupId><artifactId>servers</artifactId><version>1</version><packaging>pom</packaging>',
    '  <dependencies>',
    ...dependencies,
    '  </dependencies>',
    '</project>',
    '',
  ].join('\n')
}
