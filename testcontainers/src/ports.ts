import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ServerError } from './errors.ts'
import { isAlive } from './process-table.ts'

/** Below the usual ranges of client ports, so that no outgoing connection takes a port between two starts of a server. */
const firstPort = 12_000
const lastPort = 32_000

/** Ports that this process holds for its servers, also while a server is down. */
export interface PortReservation {
  readonly ports: readonly number[]
  release(): void
}

export interface PortOptions {
  /** Each port comes with the one this far above it; both are free and held. Default: no second port. */
  readonly companion?: number
  /** Where processes tell each other which ports they hold. Default: a folder in the system's temporary folder. */
  readonly folder?: string
  /** A number in [0, 1) that picks the next candidate. */
  readonly random?: () => number
}

/**
 * Reserves `count` free ports of the loopback interface. Processes that use this function never get the same port:
 * each port is held by a file that names its owner; the file of a dead owner does not count.
 *
 * @throws ServerError SERVER_UNAVAILABLE when no free port was found in a thousand tries
 */
export async function reservePorts(count: number, options: PortOptions = {}): Promise<PortReservation> {
  const folder = options.folder ?? join(tmpdir(), `millrace-ports-${process.getuid?.() ?? 'user'}`)
  const random = options.random ?? Math.random
  mkdirSync(folder, { recursive: true })
  const { companion = 0 } = options
  const ports: number[] = []
  const files: string[] = []
  const release = (): void => {
    for (const file of files.splice(0)) rmSync(file, { force: true })
  }
  for (let tries = 0; ports.length < count; tries++) {
    if (tries === 1000) {
      release()
      throw new ServerError('SERVER_UNAVAILABLE', `no free port between ${firstPort} and ${lastPort}`)
    }
    const port = firstPort + Math.floor(random() * (lastPort - companion - firstPort))
    const wanted = companion === 0 ? [port] : [port, port + companion]
    const claimed = await claimAll(folder, wanted)
    if (claimed === undefined) continue
    files.push(...claimed)
    ports.push(port)
  }
  return { ports, release }
}

/** The files that hold the ports, or undefined when one of the ports is not free. */
async function claimAll(folder: string, ports: readonly number[]): Promise<string[] | undefined> {
  const files: string[] = []
  for (const port of ports) {
    const file = join(folder, String(port))
    const held = claim(file)
    if (held) files.push(file)
    if (held && (await canBind(port))) continue
    for (const claimed of files) rmSync(claimed, { force: true })
    return undefined
  }
  return files
}

function claim(file: string): boolean {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      if (attempt > 0 || ownerLives(file)) return false
      rmSync(file, { force: true })
    }
  }
  return false
}

function ownerLives(file: string): boolean {
  try {
    const owner = Number(readFileSync(file, 'utf8'))
    // An empty file is one whose owner is about to write its id.
    return !Number.isSafeInteger(owner) || owner <= 0 || isAlive(owner)
  } catch {
    // Gone meanwhile: whoever held it has released it. The next try may have it.
    return true
  }
}

/** Whether a server could listen on the port of the loopback interface right now. */
export function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
