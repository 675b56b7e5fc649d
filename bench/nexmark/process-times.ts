import { readFileSync } from 'node:fs'

/*
 * CPU time and memory of processes and of the machine, from Linux' /proc. Elsewhere they are left out.
 */

/** Linux counts in hundredths of a second for everybody outside the kernel. */
const TICK_MS = 10

/** User and system time of a process that runs; null when it cannot be told. */
export function processCpuMs(pid: number | undefined): number | null {
  const text = pid === undefined ? null : read(`/proc/${pid}/stat`)
  if (text === null) return null
  // The name of the program, in parentheses, may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** The memory that a running process holds; null when it cannot be told. */
export function processRssMb(pid: number | undefined): number | null {
  return statusMb(pid, 'VmRSS')
}

/** The most memory that a running process has held; null when it cannot be told. */
export function processPeakRssMb(pid: number | undefined): number | null {
  return statusMb(pid, 'VmHWM')
}

function statusMb(pid: number | undefined, name: string): number | null {
  const text = pid === undefined ? null : read(`/proc/${pid}/status`)
  const kilobytes = text === null ? undefined : new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]
  return kilobytes === undefined ? null : Number(kilobytes) / 1024
}

/** Time that the cores of the machine spent on work; null when it cannot be told. */
export function machineCpuMs(): number | null {
  const text = read('/proc/stat')
  if (text === null) return null
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (text.split('\n')[0] ?? '')
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user + nice + system + irq + softirq) * TICK_MS
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // Another system than Linux, or the process has ended.
    return null
  }
}

const SAMPLE_MS = 100

/** Watches a process that goes on when the measured work has ended, to tell afterwards what it used until then. */
export class CpuWatch {
  readonly #pid: number | undefined
  readonly #samples: { readonly atMs: number; readonly cpuMs: number }[] = []
  readonly #interval: NodeJS.Timeout

  constructor(pid: number | undefined) {
    this.#pid = pid
    this.#sample()
    this.#interval = setInterval(() => this.#sample(), SAMPLE_MS)
  }

  /** CPU time from the beginning of the watch to this time of the machine's clock. Ends the watch. */
  stop(untilMs: number): number | null {
    this.#sample()
    clearInterval(this.#interval)
    const first = this.#samples[0]
    const last = this.#samples.find(({ atMs }) => atMs >= untilMs) ?? this.#samples.at(-1)
    return first === undefined || last === undefined ? null : last.cpuMs - first.cpuMs
  }

  #sample(): void {
    const cpuMs = processCpuMs(this.#pid)
    if (cpuMs !== null) this.#samples.push({ atMs: Date.now(), cpuMs })
  }
}
