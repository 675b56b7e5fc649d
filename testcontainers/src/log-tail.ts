import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const maxBytes = 256 * 1024

/** The last lines of a file, or nothing when there is no such file (the server has not written yet). */
export function tailFile(file: string, lines: number): string {
  let fd: number
  try {
    fd = openSync(file, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
  try {
    const { size } = fstatSync(fd)
    const buffer = Buffer.alloc(Math.min(size, maxBytes))
    const read = readSync(fd, buffer, 0, buffer.length, size - buffer.length)
    return lastLines(buffer.toString('utf8', 0, read), lines)
  } finally {
    closeSync(fd)
  }
}

export function lastLines(text: string, lines: number): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}

/** Puts `***` for every secret, also where a settings file quotes it with backslashes, once or twice. */
export function redact(text: string, secrets: readonly string[]): string {
  let clean = text
  for (const secret of secrets) {
    if (secret === '') continue
    const quoted = secret.replace(/["\\]/g, '\\$&')
    for (const form of [quoted.replaceAll('\\', '\\\\'), quoted, secret]) clean = clean.replaceAll(form, '***')
  }
  return clean
}
