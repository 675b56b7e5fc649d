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
    const frame = frameOf(text)
    if (frame !== null && !frame.file.startsWith(library)) return frame
  }
  return null
}

/** Null for frames of Node itself. */
function frameOf(text: string): Frame | null {
  const match = /\(?((?:file:\/\/)?[^\s()]+):(\d+):\d+\)?$/.exec(text)
  const place = match?.[1]
  if (place === undefined || place.startsWith('node:')) return null
  return { file: place.startsWith('file://') ? fileURLToPath(place) : place, line: match?.[2] as string }
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

/** What the user called, and where, as an error tells that the library threw: `tumbling at jobs/sums.ts:12`. */
export function callOf(error: Error): string | null {
  const lines = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  const at = lines.findIndex((line) => {
    const frame = frameOf(line)
    return frame !== null && !frame.file.startsWith(library)
  })
  const frame = at <= 0 ? null : frameOf(lines[at] as string)
  if (frame === null) return null
  const called = /at (?:new )?(?:[\w$#.]+\.)?([\w$]+) (?:\[as \w+\] )?\(/.exec(lines[at - 1] as string)?.[1]
  const place = `${relative(process.cwd(), frame.file)}:${frame.line}`
  return called === undefined ? place : `${called} at ${place}`
}
