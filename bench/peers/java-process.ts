import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { lastLine } from '../last-line.ts'
import type { SystemMeasure, SystemRun } from '../nexmark/system.ts'

const run = promisify(execFile)
/** A run that takes longer is ended and counts as failed. */
const LONGEST_MS = 20 * 60_000

/** What a main class is told, as name=value. */
export interface JavaRun extends Pick<SystemRun, 'brokers' | 'input' | 'output' | 'parallelism' | 'commitMs'> {
  /** Of those that the main class knows. */
  readonly query: string
}

interface JavaMeasure extends Pick<SystemMeasure, 'steadyMs' | 'endedAtMs' | 'cpuMs' | 'peakRssMb'> {
  readonly dropped?: number
}

/** A peer in Java: a Maven project in a folder beside this file, with a class that runs one query. */
export class JavaPeer {
  readonly #folder: string
  readonly #mainClass: string

  constructor(name: string, mainClass: string) {
    this.#folder = join(import.meta.dirname, name)
    this.#mainClass = mainClass
  }

  /** The version of a dependency, as the project's file has it. */
  version(property: string): string {
    const pom = readFileSync(join(this.#folder, 'pom.xml'), 'utf8')
    return new RegExp(`<${property}>(.*?)<`).exec(pom)?.[1] ?? 'of an unknown version'
  }

  /** Fetches the jars and compiles the sources, unless that has been done. */
  async build(): Promise<void> {
    const hash = createHash('sha256')
    for (const file of globSync(['pom.xml', 'src/**/*.*'], { cwd: this.#folder }).sort()) {
      hash.update(`${file}\n`).update(readFileSync(join(this.#folder, file)))
    }
    const built = hash.digest('hex')
    const stamp = join(this.#folder, 'target', 'built')
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === built) return
    rmSync(join(this.#folder, 'target'), { recursive: true, force: true })
    try {
      await run('mvn', ['-q', '-B', '-f', this.#folder, 'compile'], { shell: process.platform === 'win32' })
    } catch (cause) {
      const { code, stdout = '', message } = cause as NodeJS.ErrnoException & { stdout?: string }
      const reason = code === 'ENOENT' ? 'mvn is not installed: install Maven and Java 17' : `${message}\n${stdout}`
      throw new Error(`${this.#folder} could not be built: ${reason}`, { cause })
    }
    writeFileSync(stamp, built)
  }

  /** Runs the query in a JVM of its own. */
  async run(
    { query, brokers, input, output, parallelism, commitMs }: JavaRun,
    jvm: readonly string[],
    further: Readonly<Record<string, string>> = {},
  ): Promise<SystemMeasure> {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-peer-'))
    const options = { query, brokers: brokers.join(','), input, output, parallelism, commitMs, folder, ...further }
    try {
      const measure = await this.measure<JavaMeasure>(options, jvm)
      return {
        dropped: null,
        ...measure,
        stateCpuMs: null,
        statePeakRssMb: null,
        commits: null,
        commitP50Ms: null,
        commitP99Ms: null,
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }

  /** Runs the main class with these arguments; what its last line says. */
  measure<T>(options: Readonly<Record<string, string | number>>, jvm: readonly string[]): Promise<T> {
    const java = process.env.JAVA_HOME === undefined ? 'java' : join(process.env.JAVA_HOME, 'bin', 'java')
    const classes = ['classes', join('lib', '*')].map((part) => join(this.#folder, 'target', part)).join(delimiter)
    const args = Object.entries(options).map(([name, value]) => `${name}=${value}`)
    const child = spawn(java, [...jvm, '-cp', classes, this.#mainClass, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LONGEST_MS,
      killSignal: 'SIGKILL',
    })
    return lastLine<T>(child)
  }
}
