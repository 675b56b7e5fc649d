import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sink, SinkContext, SinkWriter } from '@millrace/core/spi'
import type { FileFormat, FileWriter } from './format.ts'
import { publish } from './publish.ts'

export interface WriteFilesOptions {
  /** Beginning of the files' names. @default 'part' */
  readonly prefix?: string
  /** A file that is larger is closed, and another one begun. @default 128 MiB */
  readonly maxFileBytes?: number
}

/** A finished, hidden file and the name under which it appears. */
export interface FileCommittable {
  readonly hidden: string
  readonly visible: string
  /** About. */
  readonly bytes: number
}

/** By which the clocks of machines that share a directory may differ. */
const SKEW_MS = 60_000
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024

/**
 * Writes files into a directory, exactly once: a file is hidden (its name begins with a dot) until its epoch is committed, then it
 * appears as a whole under the name `part-<task>-<epoch>-<number>`. Nothing half-written is ever visible.
 *
 * The directory must be one that all workers share, and belong to one sink.
 *
 * @example
 * totals.stream().to(writeFiles('out/totals', jsonLines<Total>()))
 */
export function writeFiles<T>(
  directory: string,
  format: FileFormat<T>,
  { prefix = 'part', maxFileBytes = 128 * 1024 * 1024 }: WriteFilesOptions = {},
): Sink<T, FileCommittable> {
  return {
    name: `${format.name.replace(/\W.*/, '')}-files`,
    guarantee: 'two-phase',
    async open(context) {
      mkdirSync(directory, { recursive: true })
      return new FilesWriter(directory, format, prefix, maxFileBytes, context)
    },
  }
}

class FilesWriter<T> implements SinkWriter<T, FileCommittable> {
  readonly #directory: string
  readonly #format: FileFormat<T>
  readonly #name: string
  readonly #maxFileBytes: number
  readonly #onAvailable: () => void
  readonly #openedAt = Date.now()
  #open: { readonly hidden: string; readonly writer: FileWriter<T> } | null = null
  /** Of this epoch. */
  #finished: { readonly hidden: string; readonly bytes: number; readonly done: Promise<void> }[] = []
  /** Hidden files of this writer that are not published. */
  readonly #own = new Set<string>()

  constructor(
    directory: string,
    format: FileFormat<T>,
    prefix: string,
    maxFileBytes: number,
    { index, onAvailable }: SinkContext,
  ) {
    this.#directory = directory
    this.#format = format
    this.#name = `${prefix}-${String(index).padStart(5, '0')}`
    this.#maxFileBytes = maxFileBytes
    this.#onAvailable = onAvailable
  }

  get isFull(): boolean {
    return (this.#open?.writer.bufferedBytes ?? 0) > MAX_BUFFERED_BYTES
  }

  write(value: T): void {
    this.#open ??= this.#begin()
    this.#open.writer.write(value)
    if (this.#open.writer.bytes >= this.#maxFileBytes) this.#end()
  }

  async flush(): Promise<void> {}

  async prepareCommit(epoch: number): Promise<readonly FileCommittable[]> {
    this.#end()
    const finished = this.#finished
    this.#finished = []
    await Promise.all(finished.map(({ done }) => done))
    return finished.map(({ hidden, bytes }, number) => {
      const name = `${this.#name}-${String(epoch).padStart(8, '0')}-${number}${this.#format.extension}`
      return { hidden, visible: join(this.#directory, name), bytes }
    })
  }

  async commit(committables: readonly FileCommittable[]): Promise<void> {
    for (const { hidden, visible } of committables) {
      await publish(hidden, visible)
      this.#own.delete(hidden)
    }
    await this.#removeLeftovers()
  }

  async close(): Promise<void> {
    await this.#open?.writer.close()
    await Promise.allSettled(this.#finished.map(({ done }) => done))
  }

  #begin(): { readonly hidden: string; readonly writer: FileWriter<T> } {
    const hidden = join(this.#directory, `.${this.#name}-${randomUUID()}${this.#format.extension}`)
    this.#own.add(hidden)
    return { hidden, writer: this.#format.writer(hidden, this.#onAvailable) }
  }

  #end(): void {
    if (this.#open === null) return
    const { hidden, writer } = this.#open
    const { bytes } = writer
    const done = writer.finish()
    // It is awaited with the commit.
    done.catch(() => {})
    this.#finished.push({ hidden, bytes, done })
    this.#open = null
  }

  /**
   * Hidden files of this task from before this instance, which has published what was committed of them. An instance that was replaced
   * and does not know it must not remove what its successor writes: that is younger.
   */
  async #removeLeftovers(): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      const path = join(this.#directory, name)
      if (!name.startsWith(`.${this.#name}-`) || this.#own.has(path)) continue
      try {
        if ((await stat(path)).mtimeMs < this.#openedAt - SKEW_MS) await unlink(path)
      } catch (cause) {
        // An instance that was replaced may have published or removed it meanwhile.
        if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
      }
    }
  }
}
