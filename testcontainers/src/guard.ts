import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { extname } from 'node:path'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

let watchdog: ChildProcess | undefined

/** The folder goes when this process does. */
export function guardFolder(folder: string): void {
  tell({ folder })
}

export function forgetFolder(folder: string): void {
  tell({ removed: folder })
}

/** The server goes when this process does. */
export function guardServer(pid: number): void {
  tell({ server: pid })
}

export function forgetServer(pid: number): void {
  tell({ ended: pid })
}

function tell(message: object): void {
  watchdog ??= startWatchdog()
  const { stdin } = watchdog as { stdin: Writable }
  stdin.write(`${JSON.stringify(message)}\n`)
}

function startWatchdog(): ChildProcess {
  // The sources run from .ts, the published package from .js.
  const program = fileURLToPath(new URL(`./watchdog${extname(import.meta.url)}`, import.meta.url))
  // Detached: neither the terminal's Ctrl-C nor a kill of the process group may reach it before it has cleaned up.
  const child = spawn(process.execPath, [program], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], env: {} })
  child.on('error', () => {
    // Clean-up after a crash is lost, nothing else.
    watchdog = undefined
  })
  child.stdin.on('error', () => {
    watchdog = undefined
  })
  child.unref()
  const pipe = child.stdin as Writable & { unref?: () => void }
  pipe.unref?.()
  return child
}
