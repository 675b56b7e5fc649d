import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  type Collector,
  type DataStream,
  type Environment,
  type JoinType,
  job,
  json,
  type KeyedStream,
  memoryLog,
  outputTag,
  sessions,
  sliding,
  tumbling,
  watermarks,
} from '../../src/index.ts'
import { testHarness, twoInputHarness } from '../../src/testing/index.ts'

interface Left {
  readonly id: string
  readonly l: number
  readonly time: number
}

interface Right {
  readonly id: string
  readonly r: number
  readonly time: number
}

type Row = readonly [left: number | null, right: number | null]

const DISORDER = 20
const time = watermarks.monotonous<{ readonly time: number }>((record) => record.time)

/** Records of each side, up to 20 ms out of order, which their watermarks allow for. */
const sides = fc.record({
  lefts: fc.array(fc.record({ id: fc.constantFrom('a', 'b'), step: fc.nat(9), behind: fc.nat(DISORDER) }), {
    maxLength: 25,
    size: 'max',
  }),
  rights: fc.array(fc.record({ id: fc.constantFrom('a', 'b'), step: fc.nat(9), behind: fc.nat(DISORDER) }), {
    maxLength: 25,
    size: 'max',
  }),
})

function timed(
  list: readonly { id: string; step: number; behind: number }[],
): { id: string; n: number; time: number }[] {
  let now = 100
  return list.map(({ id, step, behind }, n) => {
    now += step
    return { id, n, time: now - behind }
  })
}

async function joined<Out>(
  lefts: readonly Left[],
  rights: readonly Right[],
  join: (left: KeyedStream<string, Left>, right: KeyedStream<string, Right>) => DataStream<Out>,
  parallelism = 1,
): Promise<Out[]> {
  const seen: Out[] = []
  await job('join', (env) => {
    const left = env.from(lefts, { time: watermarks.bounded(DISORDER, (record) => record.time) })
    const right = env.from(rights, { time: watermarks.bounded(DISORDER, (record) => record.time) })
    join(left.keyBy('id'), right.keyBy('id')).collect(seen)
  }).run({ parallelism, log: memoryLog() })
  return seen
}

function sorted(rows: readonly unknown[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort()
}

const parallelisms = fc.constantFrom(1, 1, 2)

describe('an interval join', () => {
  it('gives the pairs whose times are near, and what has no partner where it is an outer one', async () => {
    await fc.assert(
      fc.asyncProperty(
        sides,
        fc.integer({ min: -30, max: 20 }),
        fc.nat(30),
        fc.constantFrom<JoinType>('inner', 'left', 'right', 'full'),
        fc.constantFrom<('none' | 'lower' | 'upper' | 'both')[]>('none', 'lower', 'upper', 'both'),
        parallelisms,
        async (given, lower, width, type, exclusive, parallelism) => {
          const lefts = timed(given.lefts).map(({ n, ...rest }): Left => ({ ...rest, l: n }))
          const rights = timed(given.rights).map(({ n, ...rest }): Right => ({ ...rest, r: n }))
          const upper = lower + width + 2
          const from = lower + (exclusive === 'lower' || exclusive === 'both' ? 1 : 0)
          const to = upper - (exclusive === 'upper' || exclusive === 'both' ? 1 : 0)
          const pairs = lefts.flatMap((left) =>
            rights
              .filter((right) => right.id === left.id && right.time >= left.time + from && right.time <= left.time + to)
              .map((right): Row => [left.l, right.r]),
          )
          const lonely: Row[] = []
          if (type === 'left' || type === 'full') {
            for (const { l } of lefts) if (!pairs.some((pair) => pair[0] === l)) lonely.push([l, null])
          }
          if (type === 'right' || type === 'full') {
            for (const { r } of rights) if (!pairs.some((pair) => pair[1] === r)) lonely.push([null, r])
          }
          const rows = await joined(
            lefts,
            rights,
            (left, right) =>
              left.intervalJoin(
                right,
                { lower: lower as -1, upper, type, exclusive },
                (l, r): Row => [l?.l ?? null, r?.r ?? null],
              ),
            parallelism,
          )
          expect(sorted(rows)).toEqual(sorted([...pairs, ...lonely]))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('sends late records of each side aside', async () => {
    const lateLeft = outputTag<Left>('late-left')
    const lateRight = outputTag<Right>('late-right')
    const t = await testHarness(
      job('late', (env) => {
        const left = env.topic('left', json<Left>(), { time }).keyBy('id')
        const right = env.topic('right', json<Right>(), { time }).keyBy('id')
        const rows = left.intervalJoin(right, { lower: '-1s', upper: '1s', lateLeft, lateRight }, ({ l }, { r }) => [
          l,
          r,
        ])
        rows.toTopic('rows', json())
        rows.sideOutput(lateLeft).toTopic('late-lefts', json())
        rows.sideOutput(lateRight).toTopic('late-rights', json())
      }),
    )
    t.topic<Left>('left').send({ id: 'a', l: 1, time: 5_000 })
    t.topic<Right>('right').send({ id: 'a', r: 1, time: 5_000 })
    await t.settle()
    t.topic<Left>('left').send({ id: 'a', l: 2, time: 4_500 })
    t.topic<Right>('right').send({ id: 'a', r: 2, time: 4_999 })
    await t.settle()
    expect(t.topic('rows').values()).toEqual([[1, 1]])
    expect(t.topic('late-lefts').values()).toMatchObject([{ l: 2 }])
    expect(t.topic('late-rights').values()).toMatchObject([{ r: 2 }])
    await t.stop()
  })

  it('has the types of its sides', () => {
    const check = (left: KeyedStream<string, Left>, right: KeyedStream<string, Right>): void => {
      left.intervalJoin(right, { lower: 0, upper: 1 }, (l, r) => {
        expectTypeOf(l).toEqualTypeOf<Left>()
        expectTypeOf(r).toEqualTypeOf<Right>()
      })
      left.intervalJoin(right, { lower: 0, upper: 1, type: 'left' }, (l, r) => {
        expectTypeOf(l).toEqualTypeOf<Left>()
        expectTypeOf(r).toEqualTypeOf<Right | undefined>()
      })
      left.intervalJoin(right, { lower: 0, upper: 1, type: 'full' }, (l, r) => {
        expectTypeOf(l).toEqualTypeOf<Left | undefined>()
        expectTypeOf(r).toEqualTypeOf<Right | undefined>()
      })
    }
    expect(check).toBeTypeOf('function')
  })
})

describe('an as-of join', () => {
  it('gives each record the version that was valid at its time, whatever came first', async () => {
    await fc.assert(
      fc.asyncProperty(
        sides,
        fc.boolean(),
        fc.option(fc.nat(40), { nil: undefined }),
        parallelisms,
        async (given, isOuter, tolerance, parallelism) => {
          const lefts = timed(given.lefts).map(({ n, ...rest }): Left => ({ ...rest, l: n }))
          // One version for each time: of several, which one counts would be open.
          const times = new Set<string>()
          const rights = timed(given.rights)
            .map(({ n, ...rest }): Right => ({ ...rest, r: n }))
            .filter(({ id, time }) => !times.has(`${id}${time}`) && times.add(`${id}${time}`))
          const expected = lefts.flatMap((left): Row[] => {
            const valid = rights
              .filter((right) => right.id === left.id && right.time <= left.time)
              .toSorted((a, b) => a.time - b.time)
              .at(-1)
            const isFound =
              valid !== undefined && valid.r % 5 !== 4 && left.time - valid.time <= (tolerance ?? Infinity)
            if (isFound) return [[left.l, valid.r]]
            return isOuter ? [[left.l, null]] : []
          })
          const rows = await joined(
            lefts,
            rights,
            (left, right) =>
              left.asOfJoin(
                right,
                {
                  type: isOuter ? 'left' : 'inner',
                  isDeleted: ({ r }) => r % 5 === 4,
                  ...(tolerance !== undefined && { tolerance }),
                },
                (l, r): Row => [l.l, r?.r ?? null],
              ),
            parallelism,
          )
          expect(sorted(rows)).toEqual(sorted(expected))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('may go by what has come instead', async () => {
    const t = await testHarness(
      job('latest', (env) => {
        const left = env.topic('left', json<Left>()).keyBy('id')
        const right = env.topic('right', json<Right>()).keyBy('id')
        left
          .asOfJoin(right, { time: 'processing', type: 'left', isDeleted: ({ r }) => r < 0 }, (l, r) => [
            l.l,
            r?.r ?? null,
          ])
          .toTopic('rows', json())
      }),
    )
    const versions = [null, 7, 8, -1]
    for (const [l, r] of versions.entries()) {
      if (r !== null) t.topic<Right>('right').send({ id: 'a', r, time: 0 })
      await t.settle()
      t.topic<Left>('left').send({ id: 'a', l, time: 0 })
      await t.settle()
    }
    expect(t.topic('rows').values()).toEqual([
      [0, null],
      [1, 7],
      [2, 8],
      [3, null],
    ])
    await t.stop()
  })
})

describe('a regular join', () => {
  it('gives every pair of a key, whichever side comes first', async () => {
    await fc.assert(
      fc.asyncProperty(sides, parallelisms, async (given, parallelism) => {
        const lefts = timed(given.lefts).map(({ n, ...rest }): Left => ({ ...rest, l: n }))
        const rights = timed(given.rights).map(({ n, ...rest }): Right => ({ ...rest, r: n }))
        const expected = lefts.flatMap((left) =>
          rights.filter(({ id }) => id === left.id).map((right): Row => [left.l, right.r]),
        )
        const rows = await joined(
          lefts,
          rights,
          (left, right) => left.join(right, (l, r): Row => [l.l, r.r]),
          parallelism,
        )
        expect(sorted(rows)).toEqual(sorted(expected))
      }),
      { numRuns: 40 },
    )
  })
})

describe('a regular join with a ttl', () => {
  it('forgets records that waited for too long, each by itself', async () => {
    const t = await twoInputHarness((left: DataStream<Left>, right: DataStream<Right>) =>
      left.keyBy('id').join(right.keyBy('id'), (l, r): Row => [l.l, r.r], { ttl: { after: '10s' } }),
    )
    t.left.send({ id: 'a', l: 1, time: 0 })
    await t.advanceBy('6s')
    t.left.send({ id: 'a', l: 2, time: 0 })
    await t.restart()
    await t.advanceBy('6s')
    t.right.send({ id: 'a', r: 3, time: 0 })
    expect(t.values()).toEqual([[2, 3]])
  })
})

describe('a join of windows', () => {
  it('gives every pair that shares a window of any kind', async () => {
    await fc.assert(
      fc.asyncProperty(
        sides,
        fc.constantFrom('tumbling', 'sliding'),
        parallelisms,
        async (given, kind, parallelism) => {
          const lefts = timed(given.lefts).map(({ n, ...rest }): Left => ({ ...rest, l: n }))
          const rights = timed(given.rights).map(({ n, ...rest }): Right => ({ ...rest, r: n }))
          const [size, slide] = kind === 'tumbling' ? [30, 30] : [30, 10]
          const starts = Array.from({ length: 100 }, (_, n) => n * slide - 120)
          const expected = starts.flatMap((start) => {
            const within = ({ time }: { time: number }): boolean => time >= start && time < start + size
            return lefts
              .filter(within)
              .flatMap((left) => rights.filter((r) => within(r) && r.id === left.id).map((r) => [start, left.l, r.r]))
          })
          const rows = await joined(
            lefts,
            rights,
            (left, right) =>
              left
                .window(kind === 'tumbling' ? tumbling(30) : sliding(30, 10))
                .join(right, (l, r, { window }) => [window.start, l.l, r.r]),
            parallelism,
          )
          expect(sorted(rows)).toEqual(sorted(expected))
        },
      ),
      { numRuns: 40 },
    )
  })

  it('shows the records of both sides, also where there are none, over sessions too', async () => {
    const rows = await joined(
      [
        { id: 'a', l: 1, time: 0 },
        { id: 'b', l: 2, time: 5 },
        { id: 'a', l: 3, time: 100 },
      ],
      [
        { id: 'a', r: 1, time: 8 },
        { id: 'c', r: 2, time: 20 },
      ],
      (left, right) =>
        left
          .window(sessions(10))
          .coGroup(right, (ls, rs, { key }, out: Collector<unknown>) =>
            out.emit([key, ls.map(({ l }) => l), rs.map(({ r }) => r)]),
          ),
    )
    expect(sorted(rows)).toEqual(
      sorted([
        ['a', [1], [1]],
        ['b', [2], []],
        ['c', [], [2]],
        ['a', [3], []],
      ]),
    )
  })
})

describe('a broadcast join', () => {
  it('finds what has come of the small stream, at every task', async () => {
    for (const parallelism of [1, 2]) {
      const t = await testHarness(
        job('broadcast', (env) => {
          env
            .topic('sales', json<{ shop: string }>())
            .broadcastJoin(
              env.topic('shops', json<{ id: string; name: string }>()),
              { key: ({ shop }) => shop, by: ({ id }) => id, type: 'left', isDeleted: ({ name }) => name === '' },
              ({ shop }, found) => [shop, found?.name ?? null],
            )
            .toTopic('rows', json())
        }),
        { run: { parallelism }, partitions: { sales: 2 } },
      )
      const settle = async (): Promise<void> => {
        for (let epoch = 0; epoch < 3; epoch++) await t.settle()
      }
      const sell = async (): Promise<void> => {
        for (const partition of [0, 1]) for (const shop of ['x', 'y']) t.topic('sales').send({ shop }, { partition })
        await settle()
      }
      t.topic('shops').send({ id: 'x', name: 'Xaver' })
      t.topic('shops').send({ id: 'y', name: 'Yvonne' })
      await settle()
      await sell()
      t.topic('shops').send({ id: 'x', name: '' })
      await settle()
      await t.restart()
      await sell()
      expect(sorted(t.topic('rows').values())).toEqual(
        sorted([
          ['x', 'Xaver'],
          ['x', 'Xaver'],
          ['y', 'Yvonne'],
          ['y', 'Yvonne'],
          ['x', null],
          ['x', null],
          ['y', 'Yvonne'],
          ['y', 'Yvonne'],
        ]),
      )
      await t.stop()
    }
  })
})

describe('joins that cannot be are refused when the job is built', () => {
  const both = (env: Environment): [KeyedStream<string, Left>, KeyedStream<string, Right>] => [
    env.from<Left>([]).keyBy('id'),
    env.from<Right>([]).keyBy('id'),
  ]

  it.each<[string, (left: KeyedStream<string, Left>, right: KeyedStream<string, Right>) => unknown, RegExp]>([
    [
      'bounds the wrong way round',
      (l, r) => l.intervalJoin(r, { lower: '1m', upper: '-1m' }, (a) => a),
      /no time lies between the bounds/,
    ],
    [
      'bounds that leave nothing',
      (l, r) => l.intervalJoin(r, { lower: 5, upper: 6, exclusive: 'both' }, (a) => a),
      /no time lies between/,
    ],
    [
      'a tolerance in processing time',
      (l, r) => l.asOfJoin(r, { time: 'processing', tolerance: 5 }, (a) => a),
      /go by event time/,
    ],
    [
      'windows that read the record',
      (l, r) => l.window(sessions(({ l: n }) => n + 1)).join(r, (a) => a),
      /use a fixed gap/,
    ],
    [
      'a late output for two types',
      (l, r) =>
        l
          .window(tumbling(5))
          .lateTo(outputTag<Left>('late'))
          .join(r, (a) => a),
      /of two types/,
    ],
  ])('%s', (_, build, message) => {
    expect(() => job('wrong', (env) => void build(...both(env))).build()).toThrow(message)
    expect(() => job('wrong', (env) => void build(...both(env))).build()).toThrow(/joins\.test\.ts:\d+/)
  })
})
