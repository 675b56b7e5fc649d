import { rename, stat } from 'node:fs/promises'
import { StreamError } from '@millrace/core'

/** Gives a hidden file the name under which it appears; does nothing when that was done before. */
export async function publish(hidden: string, visible: string): Promise<void> {
  try {
    await rename(hidden, visible)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    const isThere = await stat(visible).then(
      () => true,
      () => false,
    )
    if (isThere) return
    throw new StreamError('SINK_FAILED', `Neither ${hidden} nor ${visible} is there: what was committed is lost.`, {
      cause,
    })
  }
}
