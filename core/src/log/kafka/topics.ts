import { createTopicsV5, deleteTopicsV5 } from '@platformatic/kafka'
import { TopicMissingError } from '../../errors.ts'
import { sleep } from '../../time/clock.ts'
import type { TopicDescription, TopicSpec } from '../log.ts'
import type { Cluster, Leaders } from './cluster.ts'
import { request } from './connections.ts'
import { retry } from './retry.ts'
import { code, ServerError } from './server-error.ts'

/** How long a topic that was created a moment ago may be unknown to the server that is asked. */
const missingPatienceMs = 1000
const missingPollMs = 100

/** In the order asked; null for a topic that does not exist. @throws StreamError */
export async function describeTopics(cluster: Cluster, names: readonly string[]): Promise<(TopicDescription | null)[]> {
  // No names at all would ask for every topic there is.
  if (names.length === 0) return []
  const found = await refreshed(cluster, names)
  return names.map((name) => {
    const leaders = found.get(name)
    return leaders == null ? null : { name, partitions: leaders.length }
  })
}

/** The number of partitions of each topic, in the order asked. @throws TOPIC_MISSING */
export async function requireTopics(cluster: Cluster, names: readonly string[]): Promise<number[]> {
  const { clock } = cluster
  const deadline = clock.now() + missingPatienceMs
  for (;;) {
    const topics = await describeTopics(cluster, names)
    const missing = topics.indexOf(null)
    if (missing < 0) return topics.map((topic) => topic?.partitions ?? 0)
    const topic = names[missing] ?? ''
    if (clock.now() >= deadline) {
      throw new TopicMissingError(`topic ${topic} does not exist: create it, or correct the name`, { where: { topic } })
    }
    await sleep(clock, missingPollMs)
  }
}

/** Creates what is missing and resolves when every partition has a leader. @throws StreamError */
export async function createTopics(cluster: Cluster, topics: readonly TopicSpec[]): Promise<void> {
  if (topics.length === 0) return
  const { clock, settings } = cluster
  const names = topics.map((topic) => topic.name)
  const what = `topics ${names.join(', ')} cannot be created`
  await retry({ clock, what, timeoutMs: settings.retryTimeoutMs }, async () => {
    const found = await cluster.refresh(names)
    const missing = topics.filter((topic) => found.get(topic.name) == null)
    if (missing.length === 0) return
    const response = await request(
      await cluster.controller(),
      createTopicsV5.api,
      missing.map(({ name, partitions, config = {} }) => ({
        name,
        numPartitions: partitions,
        replicationFactor: settings.replicationFactor,
        assignments: [],
        configs: Object.entries(config).map(([key, value]) => ({ name: key, value })),
      })),
      settings.requestTimeoutMs,
      false,
    )
    for (const { name, errorCode, errorMessage } of response.topics) {
      if (errorCode === 0 || errorCode === code.TOPIC_ALREADY_EXISTS) continue
      throw new ServerError(errorCode, `create topic ${name}`, errorMessage)
    }
  })
  await retry({ clock, what: `${what}: they have no leaders yet`, timeoutMs: settings.retryTimeoutMs }, async () => {
    const found = await cluster.refresh(names)
    for (const { name } of topics) {
      const leaders = found.get(name)
      if (leaders == null || leaders.length === 0 || leaders.includes(-1)) {
        throw new ServerError(code.LEADER_NOT_AVAILABLE, `topic ${name}`)
      }
    }
  })
}

/** A topic that does not exist is no error. @throws StreamError */
export async function deleteTopics(cluster: Cluster, names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  const { clock, settings } = cluster
  const what = `topics ${names.join(', ')} cannot be deleted`
  await retry({ clock, what, timeoutMs: settings.retryTimeoutMs }, async () => {
    const response = await request(
      await cluster.controller(),
      deleteTopicsV5.api,
      names.map((name) => ({ name })),
      settings.requestTimeoutMs,
    )
    for (const { name, errorCode, errorMessage } of response.responses) {
      if (errorCode === 0 || errorCode === code.UNKNOWN_TOPIC_OR_PARTITION) continue
      throw new ServerError(errorCode, `delete topic ${name}`, errorMessage)
    }
  })
  for (const name of names) cluster.forgetLeaders(name)
}

function refreshed(cluster: Cluster, names: readonly string[]): Promise<Map<string, Leaders | null>> {
  const { clock, settings } = cluster
  return retry({ clock, what: 'the topics cannot be described', timeoutMs: settings.retryTimeoutMs }, () =>
    cluster.refresh(names),
  )
}
