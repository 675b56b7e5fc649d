import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ServerError } from './errors.ts'

const run = promisify(execFile)

export interface Java {
  readonly java: string
  readonly keytool: string
  readonly jar: string
}

/**
 * The machine's Java: `JAVA_HOME`, else the PATH.
 *
 * @throws ServerError SERVER_UNAVAILABLE when there is none, or one older than `oldest`
 */
export async function findJava(oldest: number): Promise<Java> {
  const bin = process.env.JAVA_HOME === undefined ? '' : join(process.env.JAVA_HOME, 'bin')
  const java = join(bin, 'java')
  let output: string
  try {
    output = (await run(java, ['-version'])).stderr
  } catch (cause) {
    throw new ServerError('SERVER_UNAVAILABLE', `${java} cannot be run: install Java ${oldest} or newer`, { cause })
  }
  const version = javaVersion(output)
  if (version === undefined || version < oldest) {
    throw new ServerError(
      'SERVER_UNAVAILABLE',
      `${java} is Java ${version ?? 'of an unknown version'}: Java ${oldest} or newer is needed (set JAVA_HOME)`,
    )
  }
  return { java, keytool: join(bin, 'keytool'), jar: join(bin, 'jar') }
}

/** The major version in the output of `java -version`; Java 8 and older call themselves 1.x. */
export function javaVersion(output: string): number | undefined {
  const match = /version "(?:1\.)?(\d+)/.exec(output)
  return match === null ? undefined : Number(match[1])
}
