import type { ChildProcess } from 'node:child_process'

/** The JSON object that a measured process prints as its last line. Rejects with what it printed when it fails. */
export function lastLine<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    let text = ''
    let errors = ''
    child.stdout?.on('data', (chunk) => {
      text += String(chunk)
    })
    child.stderr?.on('data', (chunk) => {
      errors = (errors + String(chunk)).slice(-4_000)
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      const line = text.trim().split('\n').at(-1) ?? ''
      if (code === 0 && line.startsWith('{')) resolve(JSON.parse(line) as T)
      else reject(new Error(`The measured process ended with ${signal ?? code}: ${text}${errors}`))
    })
  })
}
