import { describe, expect, it } from 'vitest'
import type { PartitionOffset } from '../../../src/log/log.ts'
import {
  allPartitions,
  appendText,
  baseTime,
  bytes,
  ends,
  type LogFixture,
  openWriter,
  Probe,
  readCommitted,
  text,
  until,
  WAIT_MS,
  writePlain,
} from './fixture.ts'

export function recordContract(fixture: () => LogFixture): void {
  const options = { timeout: WAIT_MS }

  describe('records', () => {
    it('gives the records of each partition in the order of their appends', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(3)
      const writer = await openWriter(log)
      const output = await writer.output(name)
      expect(output.partitions).toBe(3)
      const expected: string[][] = [[], [], []]
      for (let index = 0; index < 600; index++) {
        const partition = (index * 7) % 3
        expected[partition]?.push(`v${index}`)
        output.append(partition, baseTime() + index, bytes(`k${index}`), `v${index}`, text)
      }
      writer.seal()
      await writer.flush()
      await writer.close()
      const probe = await readCommitted(log, name, 3)
      for (let partition = 0; partition < 3; partition++) expect(probe.values(partition)).toEqual(expected[partition])
      expect(probe.seen.every((s) => s.key === s.value?.replace('v', 'k'))).toBe(true)
    })

    it('keeps timestamps, and tells null from empty in keys and values', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const time = baseTime()
      const writer = await openWriter(log)
      const output = await writer.output(name)
      output.appendBytes(0, time, null, null)
      output.appendBytes(0, time + 2, bytes(''), bytes(''))
      output.appendBytes(0, time + 1, bytes('key'), null)
      output.append(0, time + 3, null, 'value ⨁ 流', text)
      writer.seal()
      await writer.flush()
      await writer.close()
      const { seen } = await readCommitted(log, name)
      const rows = seen.map((s) => [s.offset, s.timestamp - time, s.key, s.value])
      expect(rows).toEqual([
        [0, 0, null, null],
        [1, 2, '', ''],
        [2, 1, 'key', null],
        [3, 3, null, 'value ⨁ 流'],
      ])
    })

    it('keeps headers in their order, repeated keys and empty values included', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const writer = await openWriter(log)
      const output = await writer.output(name)
      const header = (key: string, value: string) => ({ key, value: bytes(value) })
      output.append(0, baseTime(), null, 'none', text)
      output.append(0, baseTime(), bytes('k'), 'three', text, [header('a', '1'), header('ü', ''), header('a', '2')])
      output.appendBytes(0, baseTime(), null, null, [header('only', 'x'.repeat(300))])
      output.append(0, baseTime(), null, 'empty list', text, [])
      writer.seal()
      await writer.flush()
      await writer.close()
      const { seen } = await readCommitted(log, name)
      const rows = seen.map((s) => [s.value, s.headers])
      expect(rows).toEqual([
        ['none', []],
        [
          'three',
          [
            ['a', '1'],
            ['ü', ''],
            ['a', '2'],
          ],
        ],
        [null, [['only', 'x'.repeat(300)]]],
        ['empty list', []],
      ])
    })

    it('carries values of hundreds of kilobytes between small ones', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const values = ['small', 'a'.repeat(70_000), 'b', 'c'.repeat(900_000), 'd'.repeat(65_536), 'end']
      await writePlain(log, name, values)
      expect((await readCommitted(log, name)).values()).toEqual(values)
    })

    it('carries many small records without a gap', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const values = Array.from({ length: 30_000 }, (_, index) => String(index))
      await writePlain(log, name, values)
      const probe = await readCommitted(log, name)
      expect(probe.values()).toEqual(values)
      expect(probe.seen.every((s, index) => s.offset === index)).toBe(true)
      expect(probe.position(name, 0)).toBe(30_000)
    })

    it('finds the first offset whose timestamp is the given one or later', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const time = baseTime()
      const writer = await openWriter(log)
      const output = await writer.output(name)
      for (let index = 0; index < 10; index++) output.append(0, time + index * 10, null, `v${index}`, text)
      writer.seal()
      await writer.flush()
      await writer.close()
      const partition = [{ topic: name, partition: 0 }]
      expect(await log.offsets(partition, 'earliest')).toEqual([0])
      expect(await log.offsets(partition, time - 5)).toEqual([0])
      expect(await log.offsets(partition, time + 30)).toEqual([3])
      expect(await log.offsets(partition, time + 31)).toEqual([4])
      expect(await log.offsets(partition, time + 91)).toEqual([10])
      expect(await log.offsets(partition, 'latest')).toEqual([10])
    })
  })

  describe('readers', () => {
    it('starts at the offset asked for, in each partition', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(2)
      await writePlain(log, name, ['a0', 'a1', 'a2', 'a3'], 0)
      await writePlain(log, name, ['b0', 'b1'], 1)
      const probe = new Probe(log)
      probe.reader.add([
        { topic: name, partition: 0, offset: 3 },
        { topic: name, partition: 1, offset: 1 },
      ])
      await probe.readTo(await ends(log, name, 2))
      expect(probe.values(0)).toEqual(['a3'])
      expect(probe.values(1)).toEqual(['b1'])
      await probe.reader.close()
    })

    it('reads partitions that are added later beside the first ones', options, async () => {
      const { log, topic } = fixture()
      const one = await topic(1)
      const two = await topic(2)
      await writePlain(log, one, ['a'])
      await writePlain(log, two, ['b'], 1)
      const probe = new Probe(log)
      probe.reader.add([{ topic: one, partition: 0, offset: 0 }])
      await probe.readTo([{ topic: one, partition: 0, offset: 1 }])
      probe.reader.add([{ topic: two, partition: 1, offset: 0 }])
      await writePlain(log, one, ['c'])
      await probe.readTo([
        { topic: one, partition: 0, offset: 2 },
        { topic: two, partition: 1, offset: 1 },
      ])
      expect(probe.seen.map((seen) => [seen.topic, seen.value]).sort()).toEqual(
        [
          [one, 'a'],
          [one, 'c'],
          [two, 'b'],
        ].sort(),
      )
      await probe.reader.close()
    })

    it('gives two readers the same records, each at its own pace', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      await writePlain(log, name, ['a', 'b', 'c'])
      const probes = [new Probe(log), new Probe(log)] as const
      for (const probe of probes) probe.reader.add([{ topic: name, partition: 0, offset: 0 }])
      await probes[0].readTo([{ topic: name, partition: 0, offset: 3 }])
      await writePlain(log, name, ['d'])
      await probes[1].readTo([{ topic: name, partition: 0, offset: 4 }])
      expect([probes[0].values(), probes[1].values()]).toEqual([
        ['a', 'b', 'c'],
        ['a', 'b', 'c', 'd'],
      ])
      for (const probe of probes) await probe.reader.close()
    })

    it('calls onAvailable when records arrive after take gave none', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const probe = new Probe(log)
      probe.reader.add([{ topic: name, partition: 0, offset: 0 }])
      for (const value of ['first', 'second']) {
        expect(probe.takeOne()).toBe(false)
        const calls = probe.calls
        await writePlain(log, name, [value])
        await until('onAvailable is called', () => probe.calls > calls)
        const before = probe.seen.length
        await until('the record is there', () => {
          probe.takeAll()
          return probe.seen.length > before
        })
        expect(probe.values().at(-1)).toBe(value)
      }
      await probe.reader.close()
    })

    it('drops what was fetched of a removed partition and goes on with the others', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(2)
      await writePlain(log, name, ['a0', 'a1'], 0)
      await writePlain(log, name, ['b0'], 1)
      const probe = new Probe(log)
      probe.reader.add(allPartitions(name, 2).map((partition) => ({ ...partition, offset: 0 })))
      await until('something is fetched', () => probe.calls > 0)
      probe.reader.remove([{ topic: name, partition: 0 }])
      await probe.readTo([{ topic: name, partition: 1, offset: 1 }])
      await writePlain(log, name, ['b1'], 1)
      await probe.readTo([{ topic: name, partition: 1, offset: 2 }])
      expect(probe.values()).toEqual(['b0', 'b1'])
      probe.reader.add([{ topic: name, partition: 0, offset: 1 }])
      await probe.readTo([{ topic: name, partition: 0, offset: 2 }])
      expect(probe.values(0)).toEqual(['a1'])
      await probe.reader.close()
    })

    it('holds a paused partition back and loses nothing of it', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(2)
      const probe = new Probe(log)
      probe.reader.add(allPartitions(name, 2).map((partition) => ({ ...partition, offset: 0 })))
      probe.reader.pause([{ topic: name, partition: 0 }])
      await writePlain(log, name, ['a0', 'a1'], 0)
      for (let index = 0; index < 5; index++) {
        await writePlain(log, name, [`b${index}`], 1)
        await probe.readTo([{ topic: name, partition: 1, offset: index + 1 }])
      }
      expect(probe.values(0)).toEqual([])
      const calls = probe.calls
      probe.reader.resume([{ topic: name, partition: 0 }])
      await until('the reader says that there is something', () => probe.calls > calls || probe.takeOne())
      await probe.readTo([{ topic: name, partition: 0, offset: 2 }])
      expect(probe.values(0)).toEqual(['a0', 'a1'])
      expect(probe.values(1)).toEqual(['b0', 'b1', 'b2', 'b3', 'b4'])
      await probe.reader.close()
    })

    it('takes from the partition that lies furthest back, of those that have something', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(3)
      // Each value is how far its partition has come behind it: the second comes far with few records.
      const perRecord = [1, 5, 2]
      const values = perRecord.map((step) => Array.from({ length: 8_000 }, (_, index) => String(index * step)))
      for (const [partition, own] of values.entries()) {
        for (let from = 0; from < own.length; from += 2_000) {
          await writePlain(log, name, own.slice(from, from + 2_000), partition)
        }
      }
      const reached = [Number.NaN, Number.NaN, Number.NaN]
      const probe = new Probe(log, 1 << 20, (_, partition) => reached[partition] as number)
      const target = await ends(log, name, 3)
      const isOpen = ({ partition, offset }: PartitionOffset) => probe.position(name, partition) < offset
      probe.reader.add(target.map((end) => ({ ...end, offset: 0 })))
      await until('all is fetched', () =>
        target.every((end) => probe.reader.endOffset(name, end.partition) !== undefined),
      )
      const turns: { readonly taken: number; readonly lowest: number }[] = []
      await until('all is taken', () => {
        for (;;) {
          const lowest = Math.min(...target.filter(isOpen).map(({ partition }) => reached[partition] as number))
          if (!probe.takeOne()) break
          const last = probe.seen.splice(0).at(-1)
          if (last === undefined) continue
          turns.push({ taken: reached[last.partition] as number, lowest })
          reached[last.partition] = Number(last.value)
        }
        return !target.some(isOpen)
      })
      await probe.reader.close()
      // Those of which nothing is known take turns.
      expect(turns.slice(0, 3).map(({ taken }) => taken)).toEqual([Number.NaN, Number.NaN, Number.NaN])
      expect(turns.length).toBe(12)
      for (const { taken, lowest } of turns.slice(3)) expect(taken).toBe(lowest)
    })

    it(
      'keeps partitions in step by how far they have come, though what is read of them differs in size',
      options,
      async () => {
        const { log, topic } = fixture()
        const sizes = [400, 100, 200, 50]
        const name = await topic(sizes.length)
        for (const [partition, size] of sizes.entries()) {
          const values = Array.from({ length: 12_000 }, (_, index) => String(index).padEnd(size))
          for (let from = 0; from < values.length; from += 500) {
            await writePlain(log, name, values.slice(from, from + 500), partition)
          }
        }
        const reached = sizes.map(() => Number.NaN)
        const probe = new Probe(log, 1 << 20, (_, partition) => reached[partition] as number)
        const target = await ends(log, name, sizes.length)
        const isOpen = ({ partition, offset }: PartitionOffset) => probe.position(name, partition) < offset
        probe.reader.add(target.map((end) => ({ ...end, offset: 0 })))
        let turns = 0
        let ahead = 0
        await until('all is taken', () => {
          // One batch in each turn of the event loop, as a task does: what is fetched comes in meanwhile.
          const lowest = Math.min(...target.filter(isOpen).map(({ partition }) => reached[partition] as number))
          probe.takeOne()
          const last = probe.seen.splice(0).at(-1)
          if (last !== undefined) {
            turns++
            if ((reached[last.partition] as number) > lowest) ahead++
            reached[last.partition] = Number(last.value)
          }
          return !target.some(isOpen)
        })
        await probe.reader.close()
        expect(turns).toBeGreaterThanOrEqual(48)
        // A server that stops for a moment is not waited for.
        expect(ahead / turns).toBeLessThan(0.1)
      },
    )

    it('loses nothing and repeats nothing for a slow consumer with a small buffer', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(3)
      const values = Array.from({ length: 2_000 }, (_, index) => `${index}:${'x'.repeat(100)}`)
      for (let partition = 0; partition < 3; partition++) await writePlain(log, name, values, partition)
      const probe = new Probe(log, 4_096)
      probe.reader.add(allPartitions(name, 3).map((partition) => ({ ...partition, offset: 0 })))
      await until('all is read, one batch at a time', () => {
        probe.takeOne()
        return probe.seen.length >= 6_000
      })
      for (let partition = 0; partition < 3; partition++) expect(probe.values(partition)).toEqual(values)
      await probe.reader.close()
    })

    it('knows the end of a partition that it reads', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      await writePlain(log, name, ['a', 'b', 'c'])
      const probe = new Probe(log)
      expect(probe.reader.endOffset(name, 0)).toBeUndefined()
      probe.reader.add([{ topic: name, partition: 0, offset: 1 }])
      await probe.readTo([{ topic: name, partition: 0, offset: 3 }])
      expect(probe.reader.endOffset(name, 0)).toBe(3)
      await probe.reader.close()
    })

    it('throws OFFSETS_LOST for an offset that the partition does not have', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      await writePlain(log, name, ['a'])
      const probe = new Probe(log)
      probe.reader.add([{ topic: name, partition: 0, offset: 1_000 }])
      let error: unknown
      await until('take throws', () => {
        try {
          probe.takeAll()
          return false
        } catch (thrown) {
          error = thrown
          return true
        }
      })
      expect(error).toMatchObject({ code: 'OFFSETS_LOST', where: { topic: name, partition: 0 } })
      await until('onAvailable is called', () => probe.calls > 0)
      await probe.reader.close()
    })

    it('gives nothing more once it is closed', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      await writePlain(log, name, ['a'])
      const probe = new Probe(log)
      probe.reader.add([{ topic: name, partition: 0, offset: 0 }])
      await until('something is fetched', () => probe.calls > 0)
      await probe.reader.close()
      expect(probe.takeOne()).toBe(false)
    })

    it('sees what is written while it reads, in order', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const probe = new Probe(log)
      probe.reader.add([{ topic: name, partition: 0, offset: 0 }])
      const writer = await openWriter(log)
      const output = await writer.output(name)
      const expected: string[] = []
      for (let round = 0; round < 20; round++) {
        for (let index = 0; index < 50; index++) {
          const value = `${round}/${index}`
          expected.push(value)
          appendText(output, value)
        }
        writer.seal()
        await writer.flush()
        probe.takeAll()
      }
      await probe.readTo([{ topic: name, partition: 0, offset: 1_000 }])
      expect(probe.values()).toEqual(expected)
      await writer.close()
      await probe.reader.close()
    })
  })
}
