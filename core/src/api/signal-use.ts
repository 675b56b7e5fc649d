import { GraphError } from '../errors.ts'
import type { KeyedFunction, SignalHandler } from '../operator/keyed-function.ts'
import type { SignalUse } from '../operator/signal/function-signals.ts'
import type { Signal } from '../operator/signal/signal.ts'
import { callSite } from './call-site.ts'

interface NamesSignals {
  readonly emits?: readonly Signal[]
  readonly hears?: readonly Signal[]
  onSignal?(signal: never, context: never, out: never): void
}

/**
 * The signals that a function names.
 *
 * @throws GRAPH_INVALID for what is no signal, and for `onSignal` of a function that hears none
 */
export function signalUse({ emits = [], hears = [], onSignal }: NamesSignals): SignalUse {
  for (const signal of [...emits, ...hears] as readonly (Partial<Signal> | undefined)[]) {
    if (typeof signal?.name === 'string' && signal.combine !== undefined) continue
    throw new GraphError(
      `process at ${callSite()} names something in emits or hears that is not made by numberSignal or booleanSignal.`,
    )
  }
  if (onSignal !== undefined && hears.length === 0) {
    throw new GraphError(
      `process at ${callSite()} has onSignal, and hears no signal; list those that it hears: hears: [ … ].`,
    )
  }
  return { emits, hears }
}

/** The same of a function by key. */
export function signalHandlers(
  processFunction: NamesSignals,
): Required<Pick<KeyedFunction, 'onSignal'>> & { readonly signals: SignalUse } {
  const { onSignal } = processFunction
  return {
    signals: signalUse(processFunction),
    onSignal: (onSignal?.bind(processFunction) ?? null) as SignalHandler | null,
  }
}
