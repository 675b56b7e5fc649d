import type { KeyedStates } from '../../state/keyed/keyed-states.ts'
import type { TimerFired } from '../process-function.ts'
import { type TimeDomain, timerCells } from '../timer-service.ts'
import type { KeyWindows } from './cached-panes.ts'
import type { Pane } from './pane.ts'
import type { PaneTimers } from './pane-timers.ts'

export interface TriggeredKeyWindowsOptions {
  readonly uid: string
  /** In which windows end. */
  readonly domain: TimeDomain
  /** How long a window is kept behind its last millisecond. */
  readonly keptMs: number
  readonly timers: () => PaneTimers
  readonly onTimer: (pane: Pane, timer: TimerFired) => void
  /** The time of a window is over. */
  readonly onEnd: (pane: Pane) => void
  readonly onQueued: () => void
  readonly keyStates: () => KeyedStates | null
}

const NEVER = Number.POSITIVE_INFINITY

/** Windows of one key that a trigger fires: what is due are timers and ends. */
export function triggeredKeyWindows(options: TriggeredKeyWindowsOptions): KeyWindows {
  const { uid, timers, onTimer, onEnd, onQueued, keyStates } = options
  const [event, processing] = timerCells.map(({ name }) => `${uid}/${name}`) as [string, string]

  const endDueMs = (end: number, domain: TimeDomain): number =>
    domain === options.domain ? end - 1 + options.keptMs : NEVER

  const dueMs = (panes: readonly Pane[], domain: TimeDomain): number => {
    let leastMs = NEVER
    for (const pane of panes) leastMs = Math.min(leastMs, endDueMs(pane.end, domain), timers().nextMs(pane, domain))
    return leastMs
  }

  return {
    dueMs: ({ data }, domain) => dueMs(data.panes, domain),
    onDue({ data: { panes } }, timeMs, domain) {
      const fire = (pane: Pane, firedMs: number): void => onTimer(pane, { timeMs: firedMs, domain })
      if (timeMs === NEVER) {
        // The clock will not come to the end of windows of processing time any more.
        timers().fireAll(panes, domain, fire)
        if (domain === options.domain) for (const pane of [...panes]) if (pane.end < NEVER) onEnd(pane)
        return
      }
      for (let next = dueMs(panes, domain); next <= timeMs; next = dueMs(panes, domain)) {
        // What a window's trigger waits for comes before the window goes.
        if (timers().fireAt(next, panes, domain, fire)) continue
        for (const pane of [...panes]) if (endDueMs(pane.end, domain) <= next) onEnd(pane)
      }
    },
    onRead() {},
    onQueued,
    storedDueMs: ({ end }, domain) => endDueMs(end, domain),
    timerStates: { [event]: 'event', [processing]: 'processing' },
    keyStates,
    byKeyGroup: false,
  }
}
