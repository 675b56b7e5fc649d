import type { Sink, SinkWriter } from './sink.ts'

/** Takes one value, which the result of the job has by a name; there when it is committed, exactly once. */
export class AccumulatorSink implements Sink<unknown, unknown> {
  readonly name: string = 'accumulator'
  readonly guarantee = 'two-phase' as const
  readonly isThreadBound: boolean = true
  readonly accumulator: string
  #committed: { readonly value: unknown } | null = null

  constructor(accumulator: string) {
    this.accumulator = accumulator
  }

  /** Null before it is committed, or when it was by another process. */
  get committed(): { readonly value: unknown } | null {
    return this.#committed
  }

  async open(): Promise<SinkWriter<unknown, unknown>> {
    let values: unknown[] = []
    return {
      write: (value) => void values.push(value),
      async flush() {},
      async prepareCommit() {
        const prepared = values
        values = []
        return prepared
      },
      commit: async (prepared) => {
        for (const value of prepared) this.#committed = { value }
      },
      async close() {},
    }
  }
}
