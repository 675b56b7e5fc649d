// Crashes the simulated jobs at every step, and with all seeds: `npm run sweep`, or `npm run sweep -- -t "iteration"` for those
// whose name says so. `npm test` does the same at some of the steps.

import { runUnitTests } from './unit-tests.mjs'

runUnitTests(['core/test/simulation', ...process.argv.slice(2)], { MILLRACE_SWEEP: 'whole' })
