import { type Job, job, json } from '@millrace/core'
import { type Component, components, type Edge } from './graphs.ts'
import { kMeans, type Point } from './learning.ts'
import type { OnRounds, RoundEnd } from './rounds.ts'

/** Topics of the two jobs that run on Kafka; `rounds` says how far each has come. */
export const topics = {
  edges: 'edges',
  components: 'components',
  points: 'points',
  centroids: 'centroids',
  means: 'means',
  rounds: 'rounds',
} as const

export const roundJson = json<RoundEnd>()
export const edgeJson = json<Edge>()
export const componentJson = json<Component>()
export const pointJson = json<Point>()

export const MAX_ROUNDS = 1_000

export type JobName = 'components' | 'k-means'

/** `onRound` is called in the worker whenever a round ends there, committed or not. */
export function jobNamed(name: JobName, onRound: (end: RoundEnd) => void = () => {}): Job {
  const onRounds: OnRounds = (rounds) => {
    rounds
      .map((end) => {
        onRound(end)
        return end
      })
      .toTopic(topics.rounds, roundJson)
  }
  return job(name, (env) => {
    if (name === 'components') {
      const edges = env.topic(topics.edges, edgeJson, { bounded: true })
      components(edges, onRounds).toTopic(topics.components, componentJson)
    } else {
      const points = env.topic(topics.points, pointJson, { bounded: true })
      const centroids = env.topic(topics.centroids, pointJson, { bounded: true })
      kMeans(points, centroids, MAX_ROUNDS, onRounds).toTopic(topics.means, pointJson)
    }
  })
}
