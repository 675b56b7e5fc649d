import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { QueryMeasure, QueryRun } from './run-query.ts'

/** Every run is a process of its own, so that none finds the code of another compiled. */
export function startQuery(run: QueryRun): ChildProcess {
  const file = fileURLToPath(new URL('./run-query.ts', import.meta.url))
  return spawn(process.execPath, ['--conditions=@millrace/source', file, JSON.stringify(run)], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
}

export function lastLine(child: ChildProcess): Promise<QueryMeasure> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout?.on('data', (chunk) => {
      text += String(chunk)
    })
    child.on('error', reject)
    child.on('close', (code) => {
      const line = text.trim().split('\n').at(-1) ?? ''
      if (code === 0 && line.startsWith('{')) resolve(JSON.parse(line) as QueryMeasure)
      else reject(new Error(`The measured process ended with ${code}: ${text}`))
    })
  })
}
