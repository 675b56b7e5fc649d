import { job } from '../../src/api/job.ts'
import type { MemoryStorage } from '../../src/log/memory/index.ts'
import { aggregators } from '../../src/operator/loop/aggregator.ts'
import type { Collector } from '../../src/operator/process-function.ts'
import { json } from '../../src/serde/json.ts'
import { listState, mapState, valueState } from '../../src/state/keyed/descriptor.ts'
import { Random } from '../../src/structure/random.ts'
import type { Topology } from './topologies.ts'

interface Walker {
  readonly id: number
  readonly at: number
  readonly steps: number
}

interface Edge {
  readonly from: number
  readonly to: number
}

interface Label {
  readonly id: number
  readonly label: number
}

function fill(storage: MemoryStorage, topic: string, values: readonly unknown[]): void {
  storage.createTopic(topic, 2)
  values.forEach((value, at) => {
    storage.write(topic, at % 2, [{ value: Buffer.from(JSON.stringify(value)), timestamp: at }])
  })
}

/** Several tasks take many more steps for the same rounds, so there are fewer of these. */
function sizeFor(parallelism: number): number {
  return parallelism === 1 ? 12 : 4
}

function graph(seed: number, vertices: number): { readonly edges: readonly Edge[]; readonly labels: readonly Label[] } {
  const random = new Random(seed)
  const pairs = Array.from({ length: vertices }, () => [random.integer(vertices), random.integer(vertices)] as const)
  const edges = pairs.flatMap(([from, to]) => [
    { from, to },
    { from: to, to: from },
  ])
  return { edges, labels: Array.from({ length: vertices }, (_, id) => ({ id, label: id })) }
}

/** Walks back to 1, each step once round the loop, with a call that comes back later on the way. */
function walking(parallelism: number): Topology {
  return {
    name: `walking round a loop (parallelism ${parallelism})`,
    parallelism,
    outputs: ['arrived', 'visits'],
    prepare(storage) {
      fill(
        storage,
        'walkers',
        Array.from({ length: sizeFor(parallelism) }, (_, id) => ({ id, at: id + 1, steps: 0 })),
      )
      storage.createTopic('arrived', 2)
      storage.createTopic('visits', 2)
    },
    job: job('walking', (env) => {
      env
        .topic('walkers', json<Walker>(), { bounded: true })
        .iterate((walkers) => {
          const stepped = walkers
            .keyBy('id')
            .process({
              state: { visits: valueState({ initial: 0 }) },
              onRecord(walker, { state }, out: Collector<Walker>) {
                state.visits.set(state.visits.get() + 1)
                const { at } = walker
                out.emit({ ...walker, at: at % 2 === 0 ? at / 2 : 3 * at + 1, steps: state.visits.get() })
              },
            })
            .mapAsync(async (walker) => walker, { order: 'unordered', capacity: 3 })
          stepped.map(({ id, at }) => `${id}@${at}`).toTopic('visits', json())
          return { feedback: stepped.filter(({ at }) => at !== 1), output: stepped.filter(({ at }) => at === 1) }
        })
        .toTopic('arrived', json())
    }),
  }
}

/** Spreads the least label over a graph whose edges are a stream of their own, known to all rounds. */
function labelling(parallelism: number, run: Topology['run'] = {}): Topology {
  const { edges, labels } = graph(5, sizeFor(parallelism))
  return {
    name: `spreading labels in a delta iteration (parallelism ${parallelism}${run.stateCache === undefined ? '' : ', few keys on the heap'})`,
    parallelism,
    run,
    outputs: ['labels', 'changes'],
    prepare(storage) {
      fill(storage, 'edges', edges)
      fill(storage, 'vertices', labels)
      storage.createTopic('labels', 2)
      storage.createTopic('changes', 2)
    },
    job: job('labelling', (env) => {
      const vertices = env.topic('vertices', json<Label>(), { bounded: true })
      const byStart = env.topic('edges', json<Edge>(), { bounded: true }).keyBy('from')
      vertices
        .keyBy('id')
        .iterateDelta(
          vertices.map(({ id, label }) => ({ id, label: label - 100 })).keyBy('id'),
          (workset, solution) => {
            const changed = solution.coGroup(workset, (candidates, { key, current, update }, out: Collector<Label>) => {
              const label = Math.min(...candidates.map((candidate) => candidate.label))
              if (current === undefined || label >= current.label) return
              update({ id: key, label })
              out.emit({ id: key, label })
            })
            changed.toTopic('changes', json())
            return changed
              .keyBy('id')
              .connect(byStart)
              .process({
                state: { ends: listState<number>() },
                onLeft({ label }, { state }, out: Collector<Label>) {
                  for (const id of state.ends.get()) out.emit({ id, label })
                },
                onRight: ({ to }, { state }) => state.ends.add(to),
              })
          },
        )
        .toTopic('labels', json())
    }),
  }
}

/** Moves tokens over edges that are replayed in every round, counts them, and ends by what was counted. */
function counting(parallelism: number): Topology {
  const moved = aggregators.sum('moved')
  const { edges } = graph(9, sizeFor(parallelism))
  return {
    name: `counting in a bulk iteration (parallelism ${parallelism})`,
    parallelism,
    outputs: ['reached', 'rounds'],
    prepare(storage) {
      fill(storage, 'edges', edges)
      fill(storage, 'starts', [
        { id: 0, label: 1 },
        { id: 1, label: 1 },
      ])
      storage.createTopic('reached', 2)
      storage.createTopic('rounds', 2)
    },
    job: job('counting', (env) => {
      const edges = env.topic('edges', json<Edge>(), { bounded: true })
      env
        .topic('starts', json<Label>(), { bounded: true })
        .iterateBulk(
          (tokens, loop) => {
            const sums = tokens
              .keyBy('id')
              .connect(loop.replay(edges).keyBy('from'))
              .process({
                lifetime: 'round',
                state: { label: valueState({ initial: 0 }), ends: listState<number>() },
                onLeft: ({ label }, { state }) => state.label.set(state.label.get() + label),
                onRight: ({ to }, { state }) => state.ends.add(to),
                onRoundEnd({ state }, out: Collector<Label>) {
                  if (state.label.get() === 0) return
                  for (const id of state.ends.get()) out.emit({ id, label: state.label.get() })
                },
              })
              .keyBy('id')
              .process({
                lifetime: 'round',
                state: { sum: valueState({ initial: 0 }) },
                onRecord: ({ label }, { state }) => state.sum.set(state.sum.get() + label),
                onRoundEnd: ({ key, state }, out: Collector<Label>) => out.emit({ id: key, label: state.sum.get() }),
              })
            loop.aggregate(
              moved,
              sums.map(({ label }) => label),
            )
            sums
              .process({
                onRecord() {},
                onRoundEnd: ({ index, round }, out: Collector<string>) =>
                  out.emit(`${index}: ${round.number} after ${round.get(moved)}`),
                onTermination: ({ index, round }, out) => out.emit(`${index}: over after ${round.number}`),
              })
              .toTopic('rounds', json())
            return sums
          },
          { maxRounds: 9, converged: (round) => round.get(moved) > (parallelism === 1 ? 200 : 3) },
        )
        .toTopic('reached', json())
    }),
  }
}

/** A model that is fed back while the data it learns from streams in. */
function learning(parallelism: number, run: Topology['run'] = {}): Topology {
  return {
    name: `learning ${run.stateCache === undefined ? '' : 'with few keys on the heap '}while data streams in (parallelism ${parallelism})`,
    parallelism,
    run,
    ...(run.stateCache === undefined ? {} : { crashes: 300 }),
    outputs: ['models'],
    prepare(storage) {
      fill(storage, 'first', [{ id: 0, label: 0 }])
      fill(
        storage,
        'data',
        Array.from({ length: sizeFor(parallelism) * 2 }, (_, n) => ({ id: n % 3, label: n })),
      )
      storage.createTopic('models', 2)
    },
    job: job('learning', (env) => {
      const data = env.topic('data', json<Label>(), { bounded: true })
      env
        .topic('first', json<Label>(), { bounded: true })
        .iterate((models) => {
          const shared = models.broadcast({ state: { models: mapState<number, number>() } })
          const gathered = data
            .keyBy('id')
            .connect(shared)
            .process({
              state: { sum: valueState({ initial: 0 }) },
              onRecord: ({ label }, { state }) => state.sum.set(state.sum.get() + label),
              onBroadcast: ({ id, label }, { broadcast }) => broadcast.models.set(id, label),
              onRoundEnd({ round, broadcast, forEachKey }, out: Collector<Label>) {
                // What has been learned is handed on for three rounds.
                if (round.number > 3) return
                forEachKey(({ key, state }) => {
                  out.emit({ id: key, label: state.sum.get() + (broadcast.models.get(key) ?? 0) })
                })
              },
              onTermination({ broadcast, index }, out) {
                if (index > 0) return
                for (const [id, label] of broadcast.models.entries()) out.emit({ id: id + 100, label })
              },
            })
          return { feedback: gathered.filter(({ id }) => id < 100), output: gathered.filter(({ id }) => id >= 100) }
        })
        .toTopic('models', json())
    }),
  }
}

export const loopTopologies: readonly Topology[] = [
  walking(1),
  walking(2),
  labelling(1),
  labelling(1, { stateCache: { maxKeys: 3 } }),
  labelling(2),
  counting(1),
  counting(2),
  learning(1),
  learning(1, { stateCache: { maxKeys: 1 } }),
  learning(2),
]
