import { describe, expect, it } from 'vitest'
import { CpuWatch, machineCpuMs, processCpuMs, processPeakRssMb } from '../../nexmark/process-times.ts'

/** Uses the CPU until the process has used so much more of it. */
function work(ms: number): void {
  const before = process.cpuUsage()
  for (let used = 0; used < ms * 1000; ) {
    const { user, system } = process.cpuUsage(before)
    used = user + system
  }
}

describe.runIf(process.platform === 'linux')('on Linux', () => {
  it('tells the CPU time and memory of a process, and the CPU time of the machine', () => {
    const [own, machine] = [processCpuMs(process.pid) ?? 0, machineCpuMs() ?? 0]
    work(100)
    expect((processCpuMs(process.pid) ?? 0) - own).toBeGreaterThanOrEqual(80)
    expect((machineCpuMs() ?? 0) - machine).toBeGreaterThanOrEqual(80)
    expect(processPeakRssMb(process.pid)).toBeGreaterThan(20)
  })

  it('a watch tells what a process used up to a time', () => {
    const watch = new CpuWatch(process.pid)
    work(100)
    expect(watch.stop(Date.now())).toBeGreaterThanOrEqual(80)
  })
})

it('has nothing to tell of a process that there is not', () => {
  expect(processCpuMs(undefined)).toBeNull()
  expect(processPeakRssMb(2 ** 31 - 1)).toBeNull()
  expect(new CpuWatch(undefined).stop(0)).toBeNull()
})
