import { describe, expect, it } from 'vitest'
import { formatDifference } from '../../src/checkpoint/format-change.ts'
import {
  type Job,
  job,
  json,
  msgpack,
  number,
  type Serde,
  type StateTtl,
  string,
  valueState,
  versioned,
} from '../../src/index.ts'
import { failureOf, runFor, type Servers, send, servers, values } from '../failures/run-until.ts'

interface V2 {
  readonly n: number
}
interface V3 {
  readonly total: number
  readonly upgraded: boolean
}

const migrateV1 = (n: number): V2 => ({ n })
const versions = {
  plain: msgpack<number>(),
  one: versioned(msgpack<number>(), { version: 1 }),
  two: versioned(msgpack<V2>(), {
    version: 2,
    from: { 1: { serde: msgpack<number>(), migrate: migrateV1 } },
    unversioned: { serde: msgpack<number>(), migrate: migrateV1 },
  }),
  three: versioned(msgpack<V3>(), {
    version: 3,
    from: {
      1: { serde: msgpack<number>(), migrate: (n) => ({ total: n, upgraded: true }) },
      2: { serde: msgpack<V2>(), migrate: ({ n }) => ({ total: n, upgraded: true }) },
    },
    unversioned: { serde: msgpack<number>(), migrate: (total) => ({ total, upgraded: true }) },
  }),
  forgetful: versioned(msgpack<V3>(), {
    version: 3,
    from: { 2: { serde: msgpack<V2>(), migrate: ({ n }) => ({ total: n, upgraded: true }) } },
  }),
}

const stored = (serde: { readonly format: string }, ttl = false): string =>
  `key@1+${ttl ? 'ttl@1+' : ''}${serde.format}`

describe('a format stored and one declared', () => {
  it.each([
    ['the same', stored(versions.two), stored(versions.two)],
    ['a newer version', stored(versions.one), stored(versions.two)],
    ['a much newer version', stored(versions.two), stored(versions.three)],
    ['values without a version', stored(versions.plain), stored(versions.two)],
    ['a ttl that is new', stored(versions.plain), stored(versions.plain, true)],
    ['a ttl and a version that are new', stored(versions.plain), stored(versions.three, true)],
    ['a newer version with a ttl', stored(versions.one, true), stored(versions.two, true)],
  ])('fit: %s', (_, before, now) => {
    expect(formatDifference(before, now)).toBeNull()
  })

  it.each([
    ['a newer version', stored(versions.three), stored(versions.two), /version 3.*up to 2/],
    ['a forgotten version', stored(versions.two), stored(versions.forgetful), /values without versions|of version 1/],
    [
      'another format of a version',
      'key@1+versioned@1{"1":"json@1"}',
      stored(versions.two),
      /version 1, written as json@1/,
    ],
    ['no unversioned', stored(versions.plain), stored(versions.one), /declare that format as 'unversioned'/],
    ['versions given up', stored(versions.one), stored(versions.plain), /versioned@1.*declared as key@1\+msgpack@1/],
    ['a ttl given up', stored(versions.plain, true), stored(versions.plain), /declared without one/],
    ['a ttl on numbers', stored(number()), stored(number(), true), /cannot be told apart/],
    ['another key format', 'key@0+msgpack@1', 'key@1+msgpack@1', /key@0/],
    ['another serde', stored(string()), stored(versions.plain), /string@1.*msgpack@1/],
  ])('differ: %s', (_, before, now, message) => {
    expect(formatDifference(before, now)).toMatch(message)
  })
})

/** Keeps the last value of a type that changes, and emits it. */
function keeping<T>(serde: Serde<T>, next: (n: number, held: T | undefined) => T, ttl?: StateTtl): Job {
  const held = valueState<T>({ serde, ...(ttl === undefined ? {} : { ttl }) })
  return job('keeping', (env) => {
    env
      .topic('in', json<number>())
      .keyBy(() => 'all')
      .process<T, { held: typeof held }>({
        state: { held },
        onRecord(n, { state }, out) {
          const value = next(n, state.held.get())
          state.held.set(value)
          out.emit(value)
        },
      })
      .uid('keep')
      .toTopic('out', json())
      .uid('sink')
  })
}

async function run(on: Servers, target: Job, input: number): Promise<void> {
  send(on, 'in', [input])
  await runFor(on, target)
}

describe('a job over versions of the type of its state', () => {
  const plain = keeping(versions.plain, (n, held = 0) => held + n)
  const two = keeping(versions.two, (n, held) => ({ n: (held?.n ?? 0) + n }))
  const three = keeping(versions.three, (n, held) => ({
    total: (held?.total ?? 0) + n,
    upgraded: held?.upgraded ?? false,
  }))

  it('goes on with what each former version has stored', async () => {
    const on = servers({ in: 1, out: 1 })
    await run(on, plain, 1)
    await run(on, two, 2)
    await run(on, three, 3)
    expect(values(on, 'out')).toEqual([1, { n: 3 }, { total: 6, upgraded: true }])
  })

  it('goes on when versions were left out, and with a ttl that is new', async () => {
    const on = servers({ in: 1, out: 1 })
    await run(on, plain, 1)
    await run(
      on,
      keeping(versions.three, (n, held) => ({ total: (held?.total ?? 0) + n, upgraded: held?.upgraded ?? false }), {
        after: '1d',
      }),
      3,
    )
    expect(values(on, 'out')).toEqual([1, { total: 4, upgraded: true }])
  })

  it('does not go back, and says which state was written in which version', async () => {
    const on = servers({ in: 1, out: 1 })
    await run(on, three, 1)
    expect(await failureOf(on, two)).toMatchObject({
      code: 'STATE_INCOMPATIBLE',
      differences: [expect.stringMatching(/state keep\/held was written in version 3.*up to 2/)],
    })
  })

  it('names state, key and cause when a migration fails', async () => {
    const on = servers({ in: 1, out: 1 })
    await run(on, plain, 1)
    const failing = keeping(
      versioned(msgpack<V2>(), {
        version: 1,
        unversioned: {
          serde: msgpack<number>(),
          migrate: (): V2 => {
            throw new Error('cannot')
          },
        },
      }),
      (n) => ({ n }),
    )
    expect(await failureOf(on, failing)).toMatchObject({
      code: 'STATE_CORRUPT',
      message: expect.stringMatching(/keep\/held of key 'all'.*threw: cannot/s),
    })
  })

  it('reads topics that several versions have written', async () => {
    const on = servers({ in: 1, middle: 1, out: 1 })
    const writing = <T>(serde: Serde<T>, to: (n: number) => T): Job =>
      job('writing', (env) => void env.topic('in', json<number>()).map(to).uid('to').toTopic('middle', serde))
    await run(
      on,
      writing(versions.one, (n) => n),
      1,
    )
    await run(
      on,
      writing(versions.two, (n) => ({ n })),
      2,
    )
    const reading = job('reading', (env) => void env.topic('middle', versions.three).toTopic('out', json()))
    await runFor(on, reading)
    expect(values(on, 'out')).toEqual([1, 2].map((total) => ({ total, upgraded: true })))
  })
})
