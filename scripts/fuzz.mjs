// Runs the differential fuzzing of the JSON codec for long: `npm run fuzz -- 10000` takes so many schemas, with several values
// each, and tells how many inputs were compared.

import { runUnitTests } from './unit-tests.mjs'

runUnitTests(['core/test/serde/json-codec/fuzz.test.ts'], { FUZZ_RUNS: process.argv[2] ?? '10000' })
