import { isToldApart } from '../serde/mark.ts'
import { versionsOf } from '../serde/versioned.ts'
import { TTL_FORMAT } from '../state/keyed/ttl.ts'

/**
 * Why values stored in one format cannot be read by a state that is declared with another; null when they can. Only
 * formats that say more than a name can be read in more than one way: those with a ttl, and versioned ones.
 */
export function formatDifference(stored: string, declared: string): string | null {
  if (stored === declared) return null
  const before = parse(stored)
  const now = parse(declared)
  const generic = `was written as ${stored} and is now declared as ${declared}`
  if (before.key !== now.key) return generic
  if (before.hasTtl && !now.hasTtl) {
    return 'was written with a ttl and is now declared without one; declare a ttl, however long'
  }
  if (!before.hasTtl && now.hasTtl && !isToldApart(before.value)) {
    return `was written as ${before.value} without a ttl and is now declared with one, which cannot be told apart in this format; keep it without, and add another state`
  }
  return before.value === now.value ? null : valueDifference(before.value, now.value, generic)
}

function valueDifference(stored: string, declared: string, generic: string): string | null {
  const readable = versionsOf(declared)
  if (readable === null) return generic
  const written = versionsOf(stored)
  if (written === null) {
    if (readable.get(0) === stored) return null
    return `was written as ${stored}, without versions; declare that format as 'unversioned' of the versioned serde`
  }
  const newest = Math.max(...readable.keys())
  const newestWritten = Math.max(...written.keys())
  if (newestWritten > newest) {
    return `was written in version ${newestWritten}, and this version of the job reads versions up to ${newest}; run the newer one`
  }
  for (const [version, format] of written) {
    const name = version === 0 ? 'without versions' : `of version ${version}`
    const known = readable.get(version)
    // Values are migrated when they are written again, so those of every earlier version may still be there.
    if (known === undefined) return `may hold values ${name} (${format}), which this version of the job does not read`
    if (known !== format) return `may hold values ${name}, written as ${format} and now declared as ${known}`
  }
  return null
}

function parse(format: string): { readonly key: string; readonly hasTtl: boolean; readonly value: string } {
  const plus = format.indexOf('+')
  // The timers of a key, for one, are stored without a format of values before which a key format stands.
  const key = format.slice(0, Math.max(0, plus))
  const rest = format.slice(plus + 1)
  const hasTtl = rest.startsWith(TTL_FORMAT)
  return { key, hasTtl, value: hasTtl ? rest.slice(TTL_FORMAT.length) : rest }
}
