import { toWindowFunction, type WindowSpec, windowOperator, windowSpec } from '../../../src/api/window-spec.ts'
import type { Operator } from '../../../src/operator/operator.ts'
import type { Evictor } from '../../../src/operator/window/evictor.ts'
import { aggregating, gathering, gatheringElements, reducing } from '../../../src/operator/window/pane-contents.ts'
import type { Trigger } from '../../../src/operator/window/trigger.ts'
import type { WindowAssigner } from '../../../src/operator/window/window-assigner.ts'
import type { WindowContext, WindowFunction } from '../../../src/operator/window/window-function.ts'
import { msgpack } from '../../../src/serde/msgpack.ts'

export interface Reading {
  readonly key: string
  readonly n: number
}

/** A window that fired: its values in the order in which they came. */
export interface Result {
  readonly key: unknown
  readonly start: number
  readonly end: number
  readonly values: readonly number[]
}

export interface Settings {
  readonly lateness?: number
  readonly trigger?: Trigger<never>
  readonly evictor?: Evictor<never>
  readonly onMerge?: () => void
  /** Makes the general operator do what a faster one could. */
  readonly general?: boolean
}

function spec(assigner: WindowAssigner<Reading>, { lateness = 0, trigger, evictor }: Settings): WindowSpec {
  return {
    ...windowSpec((reading: Reading) => reading.key, assigner as WindowAssigner),
    allowedLatenessMs: lateness,
    lateTag: 'late',
    trigger: trigger ?? null,
    evictor: evictor ?? (assigner.kind === 'global' ? (assigner.evictor as Evictor<never> | null) : null),
  }
}

/** Gives every window with its values. */
export function gather(assigner: WindowAssigner<Reading>, settings: Settings = {}): Operator {
  const own = spec(assigner, settings)
  const contents = own.evictor === null ? gathering(msgpack<Reading>()) : gatheringElements(msgpack<Reading>())
  const windowFunction: WindowFunction<string, readonly Reading[], Result> = {
    onWindow: (readings, { key, window }, out) => out.emit({ key, ...window, values: readings.map(({ n }) => n) }),
    ...(settings.general && { onClear() {} }),
  }
  return windowOperator(own, contents, toWindowFunction(windowFunction), null)()
}

/** Gives every window with its values too, but folds them as they come. */
export function fold(assigner: WindowAssigner<Reading>, settings: Settings = {}): Operator {
  const contents = aggregating<Reading, number[], number[]>(
    {
      create: () => [],
      add: (list, { n }) => [...list, n],
      merge(a, b) {
        settings.onMerge?.()
        return [...a, ...b]
      },
      result: (list) => list,
    },
    msgpack<number[]>(),
  )
  const windowFunction: WindowFunction<string, number[], Result> = {
    onWindow: (values, { key, window }, out) => out.emit({ key, ...window, values }),
    ...(settings.general && { onClear() {} }),
  }
  return windowOperator(spec(assigner, settings), contents, toWindowFunction(windowFunction), null)()
}

/** The sum of every window, as the reduced reading. */
export function sum(assigner: WindowAssigner<Reading>, settings: Settings = {}): Operator {
  const contents = reducing((a: Reading, b: Reading) => ({ key: a.key, n: a.n + b.n }), msgpack<Reading>())
  return windowOperator(spec(assigner, settings), contents, null, null)()
}

/** A function of one's own over all values. */
export function apply<Out>(
  assigner: WindowAssigner<Reading>,
  onWindow: (readings: readonly Reading[], context: WindowContext<string>) => Out,
  settings: Settings = {},
): Operator {
  const windowFunction: WindowFunction<string, readonly Reading[], Out> = {
    onWindow: (readings, context, out) => out.emit(onWindow(readings, context)),
  }
  const contents = gathering(msgpack<Reading>())
  return windowOperator(spec(assigner, settings), contents, toWindowFunction(windowFunction), null)()
}
