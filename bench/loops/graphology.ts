import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { inOwnProcess } from '../own-process.ts'
import { LARGE_HEAP } from './graph.ts'

/*
 * The peer: graphology, a graph library in memory. It is installed when it is first asked for, beside its program, since nothing
 * else needs it.
 */

export interface PeerRun {
  readonly program: 'components' | 'page-rank'
  readonly vertices: number
  readonly edges: number
  readonly rounds: number
}

export interface PeerOutcome {
  readonly buildMs: number
  readonly runMs: number
  readonly cpuMs: number
  readonly peakBytes: number
  /** What it came to: the number of components, or the rounds that were made. */
  readonly result: string
}

export async function graphologyRun(options: PeerRun): Promise<string> {
  const folder = fileURLToPath(new URL('../peers/graphology', import.meta.url))
  if (!existsSync(`${folder}/node_modules/graphology`)) {
    await promisify(execFile)('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], { cwd: folder })
  }
  const program = new URL('../peers/graphology/run.mjs', import.meta.url)
  const outcome = await inOwnProcess<PeerOutcome>(program, options, LARGE_HEAP)
  const seconds = (ms: number): string => (ms / 1_000).toFixed(1)
  const { buildMs, runMs, cpuMs, peakBytes, result } = outcome
  return (
    `graphology   ${options.program}: ${result}, ${seconds(runMs)} s, ${seconds(buildMs)} s to build the graph ` +
    `(CPU ${seconds(cpuMs)} s); peak ${Math.round(peakBytes / 1e6).toLocaleString('en')} MB`
  )
}
