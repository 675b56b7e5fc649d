import { randomUUID } from 'node:crypto'
import { readdir, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import {
  type Collector,
  committer,
  type Duration,
  durationMs,
  type KeyedProcessFunction,
  listState,
  OptionError,
  type SinkTopology,
  valueState,
} from '@millrace/core'
import type { FileFormat } from './format.ts'
import { mergeFiles } from './merge-files.ts'
import { publish } from './publish.ts'
import { type FileCommittable, writeFiles } from './write-files.ts'

export interface CompactedFilesOptions {
  /** Beginning of the files' names. @default 'part' */
  readonly prefix?: string
  /** Files are put together when they have so many bytes. @default 128 MiB */
  readonly targetBytes?: number
  /** Files are put together when the first of them has waited so long, however small they are. @default '1m' */
  readonly maxWait?: Duration
}

/** A file that is to appear, and the small ones that are in it. */
export interface CompactedFile {
  readonly hidden: string
  readonly visible: string
  readonly parts: readonly string[]
}

/** Small files that are to become one. */
interface Group {
  readonly parts: readonly string[]
  readonly visible: string
}

/** Beginnings of the names of hidden files: of one epoch of one task; of several of these. */
const SMALL = '.small'
const MERGED = '.merged'
const MERGE_TIMEOUT = '10m'
/** Merges of a task that are under way at the same time. */
const MERGES = 2

/**
 * Writes files as `writeFiles` does, but puts the small ones of all tasks and epochs together before they appear: a file is as large as
 * `targetBytes`, or holds what came in `maxWait`. What is in a file appears at once and exactly once, however workers crash. `committed()` of it
 * gives the files that have appeared.
 *
 * @example
 * totals.stream().to(writeCompactedFiles('out/totals', jsonLines<Total>(), { maxWait: '10m' })).uid('files')
 */
export function writeCompactedFiles<T>(
  directory: string,
  format: FileFormat<T>,
  { prefix = 'part', targetBytes = 128 * 1024 * 1024, maxWait = '1m' }: CompactedFilesOptions = {},
): SinkTopology<T, CompactedFile> {
  if (!(targetBytes > 0)) throw new OptionError(`targetBytes is ${targetBytes}; it must be above 0.`)
  if (prefix === '' || prefix.startsWith('.')) {
    throw new OptionError(`prefix is '${prefix}'; it must not be empty or begin with a dot, which hides files.`)
  }
  const waitMs = durationMs(maxWait)
  return {
    connect: (stream) =>
      stream
        .to(writeFiles(directory, format, { prefix: SMALL, maxFileBytes: targetBytes }))
        .committed()
        .keyBy(() => 'all')
        .process(grouping(prefix, targetBytes, waitMs))
        .rebalance()
        .mapAsync((group) => compact(group, format), { capacity: MERGES, timeout: MERGE_TIMEOUT })
        .to(committer('compacted-files', appear)),
  }
}

const groupState = {
  parts: listState<string>(),
  bytes: valueState({ initial: 0 }),
  due: valueState<number | null>({ initial: null }),
}

function grouping(
  prefix: string,
  targetBytes: number,
  waitMs: number,
): KeyedProcessFunction<string, FileCommittable, Group, typeof groupState> {
  /** Named after the first of its files, which is in no other group. */
  const group = (parts: readonly string[]): Group => {
    const [first = ''] = parts
    return { parts, visible: join(dirname(first), prefix + basename(first).slice(SMALL.length)) }
  }
  return {
    state: groupState,
    onRecord({ visible, bytes }, context, out: Collector<Group>) {
      const { state, timers } = context
      state.parts.add(visible)
      state.bytes.set(state.bytes.get() + bytes)
      if (state.bytes.get() >= targetBytes) {
        out.emit(group([...state.parts.get()]))
        const due = state.due.get()
        if (due !== null) timers.deleteProcessingTime(due)
        for (const one of [state.parts, state.bytes, state.due]) one.clear()
      } else if (state.due.get() === null) {
        const due = context.now() + waitMs
        state.due.set(due)
        timers.atProcessingTime(due)
      }
    },
    onTimer(_, { state }, out: Collector<Group>) {
      out.emit(group([...state.parts.get()]))
      for (const one of [state.parts, state.bytes, state.due]) one.clear()
    },
  }
}

async function compact<T>({ parts, visible }: Group, format: FileFormat<T>): Promise<CompactedFile> {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return { hidden: only, visible, parts: [] }
  const hidden = join(dirname(visible), `${mergedPrefix(visible)}${randomUUID()}${format.extension}`)
  await mergeFiles(format, parts, hidden)
  return { hidden, visible, parts }
}

function mergedPrefix(visible: string): string {
  return `${MERGED}-${basename(visible)}-`
}

/** May be repeated. The small files go when the large one is there. */
async function appear(files: readonly CompactedFile[]): Promise<void> {
  for (const { hidden, visible, parts } of files) {
    await publish(hidden, visible)
    for (const part of parts) await remove(part)
    if (parts.length > 0) await removeOtherMerges(visible)
  }
}

/** What workers have left that died while they put the same files together. */
async function removeOtherMerges(visible: string): Promise<void> {
  for (const name of await readdir(dirname(visible))) {
    if (name.startsWith(mergedPrefix(visible))) await remove(join(dirname(visible), name))
  }
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (cause) {
    // An attempt before this one may have come so far.
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
  }
}
