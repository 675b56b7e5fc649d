/**
 * First byte of values with a header of our own. It begins no MessagePack value and no UTF-8 text, so that such values are
 * told from those of an earlier version of the job, which had no header.
 */
export const HEADER_MARK = 0xc1

const unmarked: ReadonlySet<string> = new Set(['msgpack@1', 'json@1', 'string@1'])

/** Whether no value of this format begins with the mark. */
export function isToldApart(format: string): boolean {
  return unmarked.has(format) || format.startsWith('versioned@1')
}
