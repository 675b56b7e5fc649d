import { GraphError } from '../errors.ts'
import { whyNotMergeable } from '../operator/window/pane-states.ts'
import { isMerging } from '../operator/window/window-assigner.ts'
import type { AnyWindowFunction } from '../operator/window/window-function.ts'
import { checkDescriptors } from '../state/keyed/check-descriptors.ts'
import type { StateDescriptor, StateDescriptors } from '../state/keyed/descriptor.ts'
import { callSite } from './call-site.ts'
import type { WindowSpec } from './window-spec.ts'

/** What to throw for a wrong use of windows. */
export function refuse(what: string, why: string): GraphError {
  return new GraphError(`${what} at ${callSite()}: ${why}.`)
}

/** Refuses parts of a window that do not go together. @throws GRAPH_INVALID */
export function checkWindow(spec: WindowSpec, windowFunction: AnyWindowFunction | null): void {
  checkTrigger(spec)
  const place = callSite()
  const { windowState = {}, keyState = {} } = windowFunction ?? {}
  checkDescriptors(windowState, place, 'state of a window goes with the window')
  checkDescriptors(keyState, place, 'state beside windows does not expire; keep it in a process function behind them')
  if (isMerging(spec.assigner)) checkMergeable(windowState)
}

function checkTrigger({ assigner, trigger: given, allowedLatenessMs }: WindowSpec): void {
  const trigger = given ?? (assigner.kind === 'global' ? assigner.trigger : null)
  if (trigger === null) {
    if (assigner.kind !== 'global') return
    throw refuse('window', 'global windows never end, so they need a trigger: call trigger(…) before the function')
  }
  checkDescriptors(trigger.state ?? {}, callSite(), 'state of a trigger goes with its window')
  if (assigner.kind === 'global') {
    if (!trigger.needsEnd) return
    throw refuse('trigger', `'${trigger.name}' waits for the end of the window, and ${assigner.name} has none`)
  }
  if (trigger.domain !== undefined && trigger.domain !== assigner.domain) {
    throw refuse(
      'trigger',
      `'${trigger.name}' goes by ${trigger.domain} time, but the windows by ${assigner.domain} time`,
    )
  }
  if (trigger.needsLateness && !(allowedLatenessMs > 0)) {
    throw refuse(
      'trigger',
      `'${trigger.name}' says what late records do, and there are none for these windows without allowedLateness`,
    )
  }
  if (!isMerging(assigner)) return
  if (trigger.onMerge === undefined) {
    throw refuse('trigger', `'${trigger.name}' has no onMerge, and these windows merge`)
  }
  checkMergeable(trigger.state ?? {})
}

function checkMergeable(states: StateDescriptors): void {
  for (const [name, descriptor] of Object.entries(states)) {
    const why = whyNotMergeable(descriptor as unknown as StateDescriptor)
    if (why !== null) throw refuse('window', `these windows merge, but their state '${name}' ${why}`)
  }
}
