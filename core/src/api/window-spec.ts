import type { Operator } from '../operator/operator.ts'
import type { Evictor } from '../operator/window/evictor.ts'
import type { PaneContents } from '../operator/window/pane-contents.ts'
import { SlicedWindowOperator } from '../operator/window/sliced-window-operator.ts'
import type { Trigger } from '../operator/window/trigger.ts'
import { TriggeredWindowOperator } from '../operator/window/triggered-window-operator.ts'
import { triggers } from '../operator/window/triggers.ts'
import type { WindowAssigner } from '../operator/window/window-assigner.ts'
import type { AnyWindowFunction, WindowFunction } from '../operator/window/window-function.ts'
import { WindowOperator } from '../operator/window/window-operator.ts'
import type { WindowingOptions } from '../operator/window/windowing-operator.ts'
import type { StateDescriptors } from '../state/keyed/descriptor.ts'

/** What was said about the windows of a stream. */
export interface WindowSpec {
  readonly key: (value: never) => unknown
  readonly assigner: WindowAssigner
  readonly allowedLatenessMs: number
  readonly lateTag: string | null
  readonly trigger: Trigger<never> | null
  readonly evictor: Evictor<never> | null
}

export function windowSpec(key: (value: never) => unknown, assigner: WindowAssigner): WindowSpec {
  return { key, assigner, allowedLatenessMs: 0, lateTag: null, trigger: null, evictor: null }
}

/** A user's function as operators run it. */
export function toWindowFunction<K, In, Out, WindowState extends StateDescriptors, KeyState extends StateDescriptors>(
  given: WindowFunction<K, In, Out, WindowState, KeyState>,
): AnyWindowFunction {
  const { windowState = {}, keyState = {}, onClear, open, close } = given
  return {
    windowState,
    keyState,
    onWindow: given.onWindow.bind(given) as AnyWindowFunction['onWindow'],
    onClear: (onClear?.bind(given) ?? null) as AnyWindowFunction['onClear'],
    open: open?.bind(given) ?? null,
    close: close?.bind(given) ?? null,
  }
}

/** Makes the fastest operator that does what is asked for. */
export function windowOperator(
  spec: WindowSpec,
  contents: PaneContents,
  windowFunction: AnyWindowFunction | null,
  fold: ((values: readonly unknown[]) => unknown) | null,
): () => Operator {
  const { assigner, trigger, evictor } = spec
  const options: WindowingOptions = { ...spec, contents, function: windowFunction }
  const isTimed = assigner.kind !== 'global' && assigner.kind !== 'custom'
  if (isTimed && trigger === null && evictor === null && !keepsState(windowFunction)) {
    if (
      assigner.kind !== 'session' &&
      assigner.isOverlapping &&
      contents.kind === 'accumulator' &&
      contents.merge !== null
    ) {
      return () => new SlicedWindowOperator({ ...options, assigner })
    }
    return () => new WindowOperator({ ...options, assigner })
  }
  const general = { ...options, assigner, evictor, fold, trigger: trigger ?? defaultTrigger(assigner) }
  return () => new TriggeredWindowOperator(general)
}

function keepsState(windowFunction: AnyWindowFunction | null): boolean {
  if (windowFunction === null) return false
  const { windowState, keyState, onClear } = windowFunction
  return onClear !== null || Object.keys(windowState).length > 0 || Object.keys(keyState).length > 0
}

function defaultTrigger(assigner: WindowAssigner): Trigger<never> {
  if (assigner.kind === 'global') return (assigner.trigger ?? triggers.never()) as Trigger<never>
  return (assigner.domain === 'event' ? triggers.eventTime() : triggers.processingTime()) as Trigger<never>
}
