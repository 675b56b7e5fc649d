import { type DataStream, type Job, job, json, type KeyedStream, watermarks } from '@millrace/core'
import { type TestHarness, testHarness } from '@millrace/core/testing'

export interface Event {
  readonly key: string
  readonly name: string
  readonly time: number
  readonly n?: number
}

/** A job that reads events of topic `in`, in event time; what the function sends goes to topics of its own. */
export function eventJob(
  build: (events: KeyedStream<string, Event>, all: DataStream<Event>) => void,
  delay: `${number}ms` | number = 0,
  name = 'cep',
): Job {
  return job(name, (env) => {
    const all = env.topic('in', json<Event>(), { time: watermarks.bounded(delay, (event) => event.time) })
    build(
      all.keyBy((event) => event.key),
      all,
    )
  })
}

export async function started(job: Job): Promise<TestHarness> {
  return testHarness(job)
}

/** `a1 b5@k2`: event a at 1 ms of key k, event b at 5 ms of key k2. */
export function events(text: string): Event[] {
  return text
    .trim()
    .split(/\s+/)
    .map((word) => {
      const [, name = '', time = '', , key = 'k'] = /^([a-z]+)(\d+)(@(\w+))?$/.exec(word) ?? []
      return { key, name, time: Number(time) }
    })
}
