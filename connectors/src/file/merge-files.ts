import { stat } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import type { FileFormat, FileWriter, RangeReader } from './format.ts'

/** Records that are copied before other work of the thread gets its turn. */
const BUDGET = 1000
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024

/** Writes the records of some files into a new one, in their order; resolves when it is on the disk. */
export async function mergeFiles<T>(format: FileFormat<T>, paths: readonly string[], target: string): Promise<void> {
  const bell = new Bell()
  const writer = format.writer(target, bell.ring)
  try {
    for (const path of paths) {
      const { size } = await stat(path)
      for (const range of format.ranges(path, size, Number.POSITIVE_INFINITY)) {
        const reader = format.open(range, null, { onAvailable: bell.ring })
        try {
          await copy(reader, writer, bell)
        } finally {
          await reader.close()
        }
      }
    }
    await writer.finish()
  } catch (error) {
    await writer.close()
    throw error
  }
}

async function copy<T>(reader: RangeReader<T>, writer: FileWriter<T>, bell: Bell): Promise<void> {
  for (;;) {
    const rung = bell.next()
    const status = reader.poll((value) => writer.write(value), BUDGET)
    if (status === 'end') return
    if (status === 'wait' || writer.bufferedBytes > MAX_BUFFERED_BYTES) await rung
    else await setImmediate()
    while (writer.bufferedBytes > MAX_BUFFERED_BYTES) await bell.next()
  }
}

/** Tells whoever waits that something may go on. */
class Bell {
  #resolve = (): void => {}

  readonly ring = (): void => this.#resolve()

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve
    })
  }
}
