import type { TimersAtEnd } from '../operator/process-function.ts'
import { refuse } from './window-checks.ts'

const choices: readonly TimersAtEnd[] = ['fire', 'wait', 'drop']

/** @throws GRAPH_INVALID for another word, or where there are no timers that it could be about */
export function checkTimersAtEnd(given: { readonly timersAtEnd?: TimersAtEnd; readonly onTimer?: unknown }): void {
  const { timersAtEnd, onTimer } = given
  if (timersAtEnd === undefined) return
  if (!choices.includes(timersAtEnd)) {
    throw refuse(
      'process',
      `timersAtEnd is '${timersAtEnd}'; it can be ${choices.map((choice) => `'${choice}'`).join(', ')}`,
    )
  }
  if (onTimer === undefined) throw refuse('process', 'timersAtEnd is about timers, and the function has no onTimer')
}
