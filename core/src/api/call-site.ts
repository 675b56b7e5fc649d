import { dirname, relative, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** Frames in here are the library's own. */
const library = dirname(import.meta.dirname) + sep

interface Frame {
  readonly file: string
  readonly line: string
}

/** The innermost frame of the stack that is not the library's. */
function callerFrame(): Frame | null {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 30
  const { stack = '' } = new Error('call site')
  Error.stackTraceLimit = stackTraceLimit
  for (const text of stack.split('\n').slice(1)) {
    const match = /\(?((?:file:\/\/)?[^\s()]+):(\d+):\d+\)?$/.exec(text)
    if (match === null) continue
    const place = match[1] as string
    if (place.startsWith('node:')) continue
    const file = place.startsWith('file://') ? fileURLToPath(place) : place
    if (!file.startsWith(library)) return { file, line: match[2] as string }
  }
  return null
}

/** Where user code called the library: `path/from/the/working/folder.ts:12`. */
export function callSite(): string {
  const frame = callerFrame()
  return frame === null ? 'unknown place' : `${relative(process.cwd(), frame.file)}:${frame.line}`
}

/** The URL of the module that called the library; worker threads import it. */
export function callerModule(): string | null {
  const frame = callerFrame()
  return frame === null ? null : pathToFileURL(frame.file).href
}
