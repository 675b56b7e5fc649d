import {
  aggregators,
  type Collector,
  type DataStream,
  listState,
  type MapState,
  mapState,
  outputTag,
  type ValueState,
  valueState,
} from '@millrace/core'
import { type OnRounds, roundsOf } from './rounds.ts'

export interface Point {
  readonly id: number
  readonly x: number
  readonly y: number
}

interface Gathered extends Point {
  readonly count: number
  readonly sumX: number
  readonly sumY: number
}

/** K-means: points stay where they are; every round all tasks get the centroids, and gather the points that are nearest to each. */
export function kMeans(
  points: DataStream<Point>,
  centroids: DataStream<Point>,
  maxRounds: number,
  onRounds?: OnRounds,
): DataStream<Point> {
  const moved = aggregators.count('moved')
  return centroids.iterateBulk(
    (current, loop) => {
      const gathered = points
        .keyBy('id')
        .connect(current.broadcast({ state: { centroids: mapState<number, Point>() } }))
        .process({
          state: { point: valueState<Point>() },
          onRecord: (point, { state }) => state.point.set(point),
          onBroadcast: (centroid, { broadcast }) => broadcast.centroids.set(centroid.id, centroid),
          onRoundEnd({ broadcast, forEachKey }, out: Collector<Gathered>) {
            const sums = [...broadcast.centroids.values()].map((at) => ({ at, count: 0, sumX: 0, sumY: 0 }))
            sums.sort((a, b) => a.at.id - b.at.id)
            forEachKey(
              ({ state }) => {
                const point = state.point.get()
                let nearest = sums[0]
                if (point === undefined || nearest === undefined) return
                for (const sum of sums) if (distance(point, sum.at) < distance(point, nearest.at)) nearest = sum
                nearest.count++
                nearest.sumX += point.x
                nearest.sumY += point.y
              },
              () => {
                for (const { at, count, sumX, sumY } of sums) out.emit({ ...at, count, sumX, sumY })
              },
            )
          },
        })
      const next = gathered.keyBy('id').process({
        lifetime: 'round',
        state: { sum: valueState<Gathered>() },
        onRecord(part, { state }) {
          const sum = state.sum.get()
          if (sum === undefined) state.sum.set(part)
          else {
            const { count, sumX, sumY } = part
            state.sum.set({ ...sum, count: sum.count + count, sumX: sum.sumX + sumX, sumY: sum.sumY + sumY })
          }
        },
        onRoundEnd({ state }, out: Collector<Point & { readonly isMoved: boolean }>) {
          const sum = state.sum.get()
          if (sum === undefined) return
          const { id, count, sumX, sumY } = sum
          const [x, y] = count === 0 ? [sum.x, sum.y] : [sumX / count, sumY / count]
          out.emit({ id, x, y, isMoved: x !== sum.x || y !== sum.y })
        },
      })
      onRounds?.(roundsOf(next))
      loop.aggregate(
        moved,
        next.filter(({ isMoved }) => isMoved),
      )
      return next.map(({ id, x, y }): Point => ({ id, x, y }))
    },
    { maxRounds, converged: (round) => round.get(moved) === 0 },
  )
}

function distance(a: Point, b: Point): number {
  return (a.x - b.x) ** 2 + (a.y - b.y) ** 2
}

export interface Sample {
  readonly x: number
  readonly y: number
}

export interface Line {
  readonly slope: number
  readonly intercept: number
}

interface Model extends Line {
  readonly version: number
}

/** What a batch of samples says against a model. */
interface Gradient extends Line {
  readonly samples: number
}

export interface RegressionOptions {
  readonly learningRate: number
  /** Samples that make one step together. */
  readonly batch: number
  /** Parts of the samples that learn side by side. */
  readonly shards: number
}

/**
 * Linear regression online (stochastic gradient descent in batches): samples stream in and wait in their shard; with every model that
 * comes round each shard takes its next batch, so that no batch is held against a model that is long outdated. The result is the
 * model when the samples have ended and all of them have been learned from.
 */
export function regression(
  samples: DataStream<Sample>,
  initial: DataStream<Line>,
  { learningRate, batch, shards }: RegressionOptions,
): DataStream<Line> {
  const learned = outputTag<Line>('learned')
  return initial
    .map((line): Model => ({ ...line, version: 1 }))
    .iterate((models) => {
      const gradients = samples
        .keyBy(({ x }) => Math.floor(Math.abs(x * 1_000)) % shards)
        .connect(models.broadcast({ state: { model: mapState<'model', Model>() } }))
        .process({
          state: {
            waiting: mapState<number, Sample>(),
            first: valueState({ initial: 0 }),
            end: valueState({ initial: 0 }),
            /** Of the model that the last batch was held against. */
            version: valueState({ initial: 0 }),
          },
          onRecord(sample, { state, broadcast }, out: Collector<Gradient>) {
            state.waiting.set(state.end.get(), sample)
            state.end.set(state.end.get() + 1)
            const model = broadcast.model.get('model')
            if (model !== undefined && isReady(state, model)) out.emit(take(state, model))
          },
          onBroadcast(model, { broadcast, forEachKey }, out) {
            if (model.version < (broadcast.model.get('model')?.version ?? 0)) return
            broadcast.model.set('model', model)
            forEachKey(({ state }) => {
              if (isReady(state, model)) out.emit(take(state, model))
            })
          },
          // No more samples come: what is left need not fill a batch.
          onRoundEnd({ broadcast, forEachKey }, out) {
            const model = broadcast.model.get('model')
            if (model === undefined) return
            forEachKey(({ state }) => {
              const isNew = model.version > state.version.get()
              if (isNew && state.first.get() < state.end.get()) out.emit(take(state, model))
            })
          },
        })
      const updated = gradients
        .keyBy((): 'model' => 'model')
        .process({
          state: {
            model: valueState<Model>({ initial: { slope: 0, intercept: 0, version: 1 } }),
            gathered: listState<Gradient>(),
          },
          // One step for a batch of every shard.
          onRecord(gradient, { state: { model, gathered } }, out: Collector<Model>) {
            gathered.add(gradient)
            const gradients = [...gathered.get()]
            if (gradients.length < shards) return
            gathered.clear()
            model.set(stepped(model.get(), gradients))
            out.emit(model.get())
          },
          // Shards that have nothing left give nothing more.
          onRoundEnd({ state: { model, gathered } }, out) {
            const gradients = [...gathered.get()]
            if (gradients.length === 0) return
            gathered.clear()
            model.set(stepped(model.get(), gradients))
            out.emit(model.get())
          },
          onTermination({ state, side }) {
            const { slope, intercept } = state.model.get()
            side(learned, { slope, intercept })
          },
        })
      return { feedback: updated, output: updated.sideOutput(learned) }
    })

  function stepped({ slope, intercept, version }: Model, gradients: readonly Gradient[]): Model {
    const sum = (value: (gradient: Gradient) => number): number =>
      gradients.reduce((total, gradient) => total + value(gradient), 0)
    const rate = learningRate / sum(({ samples: count }) => count)
    return {
      slope: slope - rate * sum((gradient) => gradient.slope),
      intercept: intercept - rate * sum((gradient) => gradient.intercept),
      version: version + 1,
    }
  }

  function isReady({ first, end, version }: Waiting, model: Model): boolean {
    return model.version > version.get() && end.get() - first.get() >= batch
  }

  function take({ waiting, first, end, version }: Waiting, model: Model): Gradient {
    const [from, to] = [first.get(), Math.min(end.get(), first.get() + batch)]
    let [slope, intercept] = [0, 0]
    for (let at = from; at < to; at++) {
      const sample = waiting.get(at)
      if (sample === undefined) continue
      const { x, y } = sample
      const error = model.slope * x + model.intercept - y
      slope += error * x
      intercept += error
      waiting.delete(at)
    }
    first.set(to)
    version.set(model.version)
    return { slope, intercept, samples: to - from }
  }
}

interface Waiting {
  readonly waiting: MapState<number, Sample>
  readonly first: ValueState<number, number>
  readonly end: ValueState<number, number>
  readonly version: ValueState<number, number>
}
