import type { Sink } from './sink.ts'

/**
 * The last stage of a sink: takes what has been made ready elsewhere, plain data, and has it published when the epoch that it came in is
 * committed. `commit` may be called again with the same after a crash, and must do no more then.
 *
 * @example
 * pages.to(committer('pages', async (pages) => { for (const { draft, path } of pages) await publish(draft, path) }))
 */
export function committer<Committable>(
  name: string,
  commit: (committables: readonly Committable[]) => Promise<void>,
): Sink<Committable, Committable> {
  return {
    name,
    guarantee: 'two-phase',
    async open() {
      let taken: Committable[] = []
      return {
        write(committable) {
          taken.push(committable)
        },
        async flush() {},
        async prepareCommit() {
          const prepared = taken
          taken = []
          return prepared
        },
        commit,
        async close() {},
      }
    },
  }
}
