/** Where an epoch keeps what an operator, or a source, has heard and told of signals. */
export function signalsUid(uid: string): string {
  return `$signals/${uid}`
}

/** What parts of a task know of signals, by the name it has in an epoch. */
export function snapshotSignals(
  parts: Iterable<readonly [uid: string, part: { snapshotSignals(): unknown }]>,
): Record<string, unknown> {
  const signals: Record<string, unknown> = {}
  for (const [uid, part] of parts) {
    const stored = part.snapshotSignals()
    if (stored !== null) signals[signalsUid(uid)] = stored
  }
  return signals
}

/** Gives the parts of a task what they knew of signals; what is stored is each part's own. */
export function restoreSignals(
  parts: Iterable<readonly [uid: string, part: { restoreSignals(stored: never): void }]>,
  operators: Readonly<Record<string, unknown>>,
): void {
  for (const [uid, part] of parts) {
    const stored = operators[signalsUid(uid)]
    if (stored !== undefined) part.restoreSignals(stored as never)
  }
}
