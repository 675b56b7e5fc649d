import { expect, it } from 'vitest'
import type { RunResult } from '../../nexmark/measure-run.ts'
import { runLine, summaryTables } from '../../nexmark/report.ts'
import type { System, SystemName } from '../../nexmark/system.ts'
import { rowPerRecord } from '../../nexmark/verify/output-rows.ts'

function system(name: SystemName, title: string): System {
  return {
    name,
    title,
    prepare: async () => {},
    outputForm: () => rowPerRecord,
    run: () => Promise.reject(new Error('not run here')),
  }
}

const systems = [system('millrace', 'Millrace'), system('flink', 'Flink'), system('streams', 'Streams')]

function run(
  name: SystemName,
  eventsPerSecond: number,
  cpuMs: number,
  peakRssMb: number,
  more: object = {},
): RunResult {
  const isMillrace = name === 'millrace'
  return {
    system: name,
    query: 'q5',
    parallelism: 1,
    round: 0,
    events: 2_000_000,
    wallMs: 10_000,
    measure: {
      eventsPerSecond,
      steadyMs: 1_000,
      endedAtMs: 0,
      cpuMs,
      stateCpuMs: isMillrace ? 1_000 : null,
      peakRssMb,
      statePeakRssMb: isMillrace ? 50 : null,
      commits: isMillrace ? 12 : null,
      commitP50Ms: isMillrace ? 30 : null,
      commitP99Ms: isMillrace ? 90 : null,
      dropped: null,
    },
    failure: null,
    brokerCpuMs: 3_000,
    otherCores: 0.25,
    difference: { expected: 10, missing: 0, extra: 0, missingRows: [], extraRows: [] },
    ...more,
  }
}

it('compares with the better peer in each respect, Redis counted in', () => {
  const lines = summaryTables(systems, [
    run('millrace', 300_000, 9_000, 150),
    run('millrace', 400_000, 9_000, 150),
    run('millrace', 500_000, 9_000, 150),
    run('flink', 200_000, 40_000, 1_000),
    run('streams', 100_000, 20_000, 400),
  ])
  const [rates, costs] = lines.filter((line) => line.startsWith('| q5'))
  expect(rates).toBe('| q5 | 400,000 (300,000–500,000) | 200,000 (200,000–200,000) | 100,000 (100,000–100,000) | 2.0 |')
  // Of ten CPU seconds for a million events (Kafka Streams) 4.5 and 0.5; of 400 MB 150 and 50.
  expect(costs).toBe(
    '| q5 | 4.5 | 20.0 | 10.0 | 0.5 | 0.50 | 1.5 | 1.5 | 1.5 | 150 | 1,000 | 400 | 50 | 0.50 | 12: 30 / 90 |',
  )
  expect(lines).toContain('- cores that went to other work: median 0.25, most 0.25')
})

it('says where a peer has no form of a query, failed, ran on fewer events or gave other rows', () => {
  const wrong = { expected: 10, missing: 4, extra: 1, missingRows: [], extraRows: [] }
  const lines = summaryTables(systems, [
    run('millrace', 400_000, 9_000, 150),
    run('flink', 0, 0, 0, { measure: null, failure: 'Exception: first\nCaused by: out of memory', difference: null }),
    run('streams', 50_000, 9_000, 400, { events: 1_000_000, difference: wrong }),
    run('millrace', 400_000, 9_000, 150, { query: 'q4' }),
  ])
  expect(lines).toContain(
    '| q5 | 400,000 (400,000–400,000) | failed | 50,000 (50,000–50,000), 1,000,000 events | 8.0 |',
  )
  expect(lines).toContain('| q4 | 400,000 (400,000–400,000) | no natural form | no natural form | - |')
  expect(lines).toContain('- streams q5: other rows than the answer: 4 missing and 1 extra of 10')
})

it('tells of a run in one line, of one that failed with its cause', () => {
  expect(runLine(run('millrace', 400_000, 9_000, 150))).toMatch(
    /^1 +q5 +1 +millrace +400,000 +4\.5 +1\.5 +0\.5 +150 +50/,
  )
  const failed = run('flink', 0, 0, 0, { measure: null, failure: 'Exception: first\nCaused by: out of memory' })
  expect(runLine(failed)).toMatch(/flink +failed after 10 s: Caused by: out of memory$/)
})
