import { OptionError } from '../errors.ts'

/** Names a side output and the type of what goes there. Made once, used where records are sent and where they are taken. */
export interface OutputTag<T> {
  readonly id: string
  /** Only for type inference; never set. */
  readonly '~type'?: T
}

/**
 * A tag for a side output.
 *
 * @example
 * const rejected = outputTag<Payment>('rejected')
 * const good = payments.process({ onRecord: (p, ctx, out) => (p.amount > 0 ? out.emit(p) : ctx.side(rejected, p)) })
 * good.sideOutput(rejected).toTopic('rejected', { value: json() })
 *
 * @throws OPTION_INVALID for an empty name
 */
export function outputTag<T>(id: string): OutputTag<T> {
  if (typeof id === 'string' && id !== '') return { id }
  throw new OptionError(`outputTag was given ${JSON.stringify(id)}; a side output needs a name.`)
}
