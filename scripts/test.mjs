// Runs all tests and closes with the line "N passed, N failed". Arguments go to vitest:
//
//   npm test                            everything
//   npm test -- --project unit          without the tests that start servers
//   npm test -- core/test/time          the files under a path
//
// A test file that cannot be loaded, an error outside of any test and a run without a single test count as failures.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
const reportFile = join(folder, 'report.json')

function run() {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
  const { status } = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...process.argv.slice(2)], {
    cwd: root,
    stdio: 'inherit',
  })
  return status ?? 1
}

function readReport() {
  try {
    return JSON.parse(readFileSync(reportFile, 'utf8'))
  } catch {
    return { testResults: [] }
  }
}

const status = run()
const files = readReport().testResults
rmSync(folder, { recursive: true, force: true })

const tests = files.flatMap((file) => file.assertionResults)
const passed = tests.filter((test) => test.status === 'passed').length
const skipped = tests.filter((test) => !['passed', 'failed'].includes(test.status)).length
let failed = tests.filter((test) => test.status === 'failed').length
failed += files.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
).length
if (failed === 0 && (status !== 0 || passed === 0)) {
  console.log(passed === 0 ? 'no test ran' : `vitest ended with status ${status}`)
  failed = 1
}
if (skipped > 0) console.log(`${skipped} skipped`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
