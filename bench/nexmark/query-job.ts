import { job } from '@millrace/core'
import { buildQuery } from './build-query.ts'
import type { QueryRun } from './query-process.ts'

/*
 * The measured job. A module of its own, since every worker thread imports it; what to run is in the environment, which
 * threads inherit.
 */

/** Threads tell each other here when they read their first record, in ms of the machine's clock. */
export const FIRST_RECORD = 'nexmark-first-record'

export const run: QueryRun = JSON.parse(process.env.NEXMARK_RUN ?? '{}')
const { query, input, output, bounded } = run
const announce = new BroadcastChannel(FIRST_RECORD)
announce.unref()
let hasRead = false

export const nexmark = job(`nexmark-${output}`, (env) => {
  buildQuery(env, {
    query,
    input,
    output,
    bounded,
    delay: bounded ? '4s' : 0,
    onEvent: () => {
      if (hasRead) return
      hasRead = true
      announce.postMessage(Date.now())
    },
  })
})
