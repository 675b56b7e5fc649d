import { job, watermarks } from '@millrace/core'
import { clickSerde, found, foundSerde } from './click-job.ts'
import type { PatternRun } from './pattern-process.ts'
import type { Click } from './patterns.ts'

/*
 * The measured job. A module of its own, since its worker thread imports it; what to run is in the environment, which threads
 * inherit.
 */

/** Told here: when the first record was read, in ms of the machine's clock. */
export const FIRST_RECORD = 'cep-first-record'

export const run: PatternRun = JSON.parse(process.env.CEP_RUN ?? '{}')
const announce = new BroadcastChannel(FIRST_RECORD)
announce.unref()
let hasRead = false

const time = watermarks.monotonous<Click>((click) => {
  if (!hasRead) {
    hasRead = true
    announce.postMessage(Date.now())
  }
  return click.time
})

export const patternJob = job(run.output ?? 'cep', (env) => {
  found(env.topic(run.input, clickSerde, { time, bounded: true }), run.query).toTopic(run.output, foundSerde)
})
