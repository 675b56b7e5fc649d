import { DecodeError, OptionError, StreamError } from '../errors.ts'
import { MAX_VARINT_BYTES, VarintReader, writeVarint } from '../structure/varint.ts'
import type { ByteWriter } from './byte-writer.ts'
import { HEADER_MARK, isToldApart } from './mark.ts'
import type { Serde } from './serde.ts'

/** How values of a former version are read, and what the present version makes of them. */
export interface Migration<Old, T> {
  readonly serde: Serde<Old>
  readonly migrate: (value: Old) => T
}

export interface VersionedOptions<T, From, Unversioned> {
  /** The version that is written: a whole number of 1 or more. Raise it with every change of the type. */
  readonly version: number
  /** The former versions that may still be met, each with what makes a present value of it. */
  readonly from?: { readonly [Version in keyof From]: Migration<From[Version], T> }
  /** What was written before there were versions; its format must be msgpack, json or string. */
  readonly unversioned?: Migration<Unversioned, T>
}

/*
 * 0xC1, 'V', the version as a varint, the value. The format names every version with its format, in JSON, so that what is
 * stored can be checked against it before anything is read.
 */
const KIND = 0x56
const FORMAT = 'versioned@1'

class VersionedSerde<T> implements Serde<T> {
  readonly format: string
  readonly isDetached: boolean
  readonly #version: number
  readonly #present: Serde<T>
  readonly #former: ReadonlyMap<number, Migration<unknown, T>>

  constructor(present: Serde<T>, version: number, former: ReadonlyMap<number, Migration<unknown, T>>) {
    this.#present = present
    this.#version = version
    this.#former = former
    this.isDetached = [present, ...Array.from(former.values(), ({ serde }) => serde)].every((serde) => serde.isDetached)
    const formats = Object.fromEntries([...former].map(([number, { serde }]) => [number, serde.format]))
    this.format = FORMAT + JSON.stringify({ ...formats, [version]: present.format })
  }

  decode(bytes: Buffer, start: number, end: number): T {
    if (end - start < 3 || bytes[start] !== HEADER_MARK || bytes[start + 1] !== KIND) {
      return this.#migrated(0, bytes, start, end)
    }
    // Versions below 128 are one byte; there is hardly another.
    let version = bytes[start + 2] as number
    let at = start + 3
    if (version >= 0x80) {
      const reader = new VarintReader(bytes, start + 2, end)
      try {
        version = reader.read()
      } catch (cause) {
        throw new DecodeError('the version of a value cannot be read', { cause })
      }
      at = reader.position
    }
    return version === this.#version ? this.#present.decode(bytes, at, end) : this.#migrated(version, bytes, at, end)
  }

  encode(value: T, target: ByteWriter): void {
    const at = target.reserve(2 + MAX_VARINT_BYTES)
    target.buffer[at] = HEADER_MARK
    target.buffer[at + 1] = KIND
    target.position = writeVarint(target.buffer, at + 2, this.#version)
    this.#present.encode(value, target)
  }

  #migrated(version: number, bytes: Buffer, start: number, end: number): T {
    const migration = this.#former.get(version)
    if (migration === undefined) throw new DecodeError(this.#unknown(version))
    const old = migration.serde.decode(bytes, start, end)
    try {
      return migration.migrate(old)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new DecodeError(
        `the migration of a value ${nameOf(version)} to version ${this.#version} threw: ${reason}`,
        {
          cause,
        },
      )
    }
  }

  #unknown(version: number): string {
    const known = [...this.#former.keys(), this.#version].filter((number) => number > 0)
    if (version === 0) return `a value has no version; 'unversioned' would tell how to read it`
    return `a value is of version ${version}; known are ${known.join(', ')}`
  }
}

/**
 * Values that carry the version of their type, with functions that make a present value of a former one. Former values
 * are migrated when they are read, and written in the present version when they are next written. For topics and for
 * state; state that a newer version of the job has written is refused by name when an older one is started on it.
 *
 * Values of every former version stay in the state until they are written again: keep its migration.
 *
 * @throws OPTION_INVALID for versions that are no whole numbers from 1 up to the present one
 * @throws DECODE_FAILED for a version that is not declared, and when a migration throws
 *
 * @example
 * const account = versioned(msgpack<Account>(), {
 *   version: 2,
 *   from: { 1: { serde: msgpack<AccountV1>(), migrate: (old) => ({ ...old, currency: 'EUR' }) } },
 * })
 */
export function versioned<
  T,
  From extends Readonly<Record<number, unknown>> = Record<never, never>,
  Unversioned = never,
>(serde: Serde<T>, options: VersionedOptions<T, From, Unversioned>): Serde<T> {
  const { version, from, unversioned } = options
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new OptionError(`versioned(): version is ${String(version)}; give a whole number of 1 or more.`)
  }
  const former = new Map<number, Migration<unknown, T>>()
  if (unversioned !== undefined) {
    const { format } = unversioned.serde
    if (!isToldApart(format) || format.startsWith(FORMAT)) {
      throw new OptionError(
        `versioned(): values of ${format} cannot be told from ones with a version; 'unversioned' takes msgpack, json and string.`,
      )
    }
    former.set(0, unversioned as unknown as Migration<unknown, T>)
  }
  for (const [name, migration] of Object.entries((from ?? {}) as Record<string, Migration<unknown, T>>)) {
    const number = Number(name)
    if (!Number.isSafeInteger(number) || number < 1 || number >= version) {
      throw new OptionError(
        `versioned(): 'from' has version ${name}; former versions are whole numbers from 1 to ${version - 1}.`,
      )
    }
    former.set(number, migration)
  }
  return new VersionedSerde(serde, version, former)
}

/** The versions that a format can be of, 0 for values without one, each with its format; null when it has no versions. */
export function versionsOf(format: string): ReadonlyMap<number, string> | null {
  if (!format.startsWith(`${FORMAT}{`)) return null
  try {
    const formats = JSON.parse(format.slice(FORMAT.length)) as Record<string, string>
    return new Map(Object.entries(formats).map(([version, inner]) => [Number(version), inner]))
  } catch (cause) {
    throw new StreamError('STATE_CORRUPT', `The stored format ${format} cannot be read.`, { cause })
  }
}

function nameOf(version: number): string {
  return version === 0 ? 'without a version' : `of version ${version}`
}
