/**
 * One list of an operator instance's own state: not of a key, replaced as a whole with each epoch. What becomes of it when the number of
 * tasks changes:
 * - `split`: the items of all tasks are dealt out in turn;
 * - `union`: every task gets the items of all;
 * - `broadcast`: all tasks hold the same, and each gets that once.
 */
export interface OperatorList {
  readonly mode: 'split' | 'union' | 'broadcast'
  /** Of the items. */
  readonly format: string
  readonly items: readonly Uint8Array[]
}

/** An operator instance's own state, by name. */
export type OperatorState = Readonly<Record<string, OperatorList>>

/** Deals the state of all tasks of an operator out to another number of tasks. */
export function redistribute(states: readonly OperatorState[], parallelism: number): OperatorState[] {
  const shares = Array.from({ length: parallelism }, (): Record<string, OperatorList> => ({}))
  const names = new Set(states.flatMap((state) => Object.keys(state)))
  for (const name of names) {
    const lists = states.flatMap((state) => state[name] ?? [])
    const { mode, format } = lists[0] as OperatorList
    const all = mode === 'broadcast' ? (lists[0] as OperatorList).items : lists.flatMap(({ items }) => items)
    shares.forEach((share, index) => {
      const items = mode === 'split' ? all.filter((_, at) => at % parallelism === index) : all
      share[name] = { mode, format, items }
    })
  }
  return shares
}
