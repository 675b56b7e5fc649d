import { describe, expect, it } from 'vitest'
import type { Serde } from '../../../src/serde/serde.ts'
import {
  appendText,
  baseTime,
  bytes,
  type LogFixture,
  openWriter,
  Probe,
  readCommitted,
  text,
  unique,
  until,
  WAIT_MS,
} from './fixture.ts'

export function writerContract(fixture: () => LogFixture): void {
  const options = { timeout: WAIT_MS }

  describe('plain writers', () => {
    it('makes what is appended visible without a transaction', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const probe = new Probe(log)
      probe.reader.add([{ topic: name, partition: 0, offset: 0 }])
      const writer = await openWriter(log)
      const output = await writer.output(name)
      appendText(output, 'a')
      await probe.readTo([{ topic: name, partition: 0, offset: 1 }])
      appendText(output, 'b')
      await probe.readTo([{ topic: name, partition: 0, offset: 2 }])
      expect(probe.values()).toEqual(['a', 'b'])
      await writer.close()
      await probe.reader.close()
    })

    it('has acknowledged everything sealed when flush resolves', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(2)
      const writer = await openWriter(log)
      const output = await writer.output(name)
      expect(writer.hasUnsealed).toBe(false)
      for (let index = 0; index < 100; index++) appendText(output, `v${index}`, index % 2)
      expect(writer.hasUnsealed).toBe(true)
      writer.seal()
      expect(writer.hasUnsealed).toBe(false)
      await writer.flush()
      const partitions = [
        { topic: name, partition: 0 },
        { topic: name, partition: 1 },
      ]
      expect(await log.offsets(partitions, 'latest')).toEqual([50, 50])
      writer.check()
      await writer.close()
    })

    it('keeps its order over many seals', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const writer = await openWriter(log)
      const output = await writer.output(name)
      for (let index = 0; index < 30; index++) {
        appendText(output, `v${index}`)
        writer.seal()
        await writer.flush()
      }
      await writer.close()
      expect((await readCommitted(log, name)).values()).toEqual(Array.from({ length: 30 }, (_, index) => `v${index}`))
    })

    it('keeps the order of what was sealed before and appended after a flush began', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const writer = await openWriter(log)
      const output = await writer.output(name)
      const flushes: Promise<void>[] = []
      // The last one is appended and not sealed when the first flush reaches the log.
      for (let index = 0; index < 41; index++) {
        appendText(output, `v${index}`)
        if (index % 3 === 0) writer.seal()
        if (index % 5 === 0) flushes.push(writer.flush())
      }
      await Promise.all(flushes)
      writer.seal()
      await writer.flush()
      await writer.close()
      expect((await readCommitted(log, name)).values()).toEqual(Array.from({ length: 41 }, (_, index) => `v${index}`))
    })

    it('writes nothing of a record whose serde throws', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const writer = await openWriter(log)
      const output = await writer.output(name)
      const broken: Serde<string> = {
        ...text,
        encode(value, target) {
          target.writeUtf8(value)
          throw new Error('half a value')
        },
      }
      appendText(output, 'before')
      expect(() => output.append(0, baseTime(), bytes('key'), 'broken', broken)).toThrow('half a value')
      appendText(output, 'after', 0, 'k')
      writer.seal()
      await writer.flush()
      await writer.close()
      const { seen } = await readCommitted(log, name)
      expect(seen.map(({ key, value }) => [key, value])).toEqual([
        [null, 'before'],
        ['k', 'after'],
      ])
    })

    it('has taken keys, values and headers when the append returns', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const writer = await openWriter(log)
      const output = await writer.output(name)
      const scratch = bytes('first')
      output.appendBytes(0, baseTime(), scratch, scratch, [{ key: 'h', value: scratch }])
      scratch.write('wrong')
      writer.seal()
      await writer.flush()
      await writer.close()
      const { seen } = await readCommitted(log, name)
      expect(seen).toMatchObject([{ key: 'first', value: 'first', headers: [['h', 'first']] }])
    })

    it('has nothing to commit', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const group = unique('group')
      const writer = await openWriter(log)
      const commit = writer.commit(group, [{ topic: name, partition: 0, offset: 1, metadata: '' }])
      await expect(commit).rejects.toMatchObject({ code: expect.stringMatching(/LOG_FAILED|INVARIANT_BROKEN/) })
      expect(await log.committed(group, [{ topic: name, partition: 0 }])).toEqual([null])
      await writer.close()
    })

    it('writes to several topics, each through its own output', options, async () => {
      const { log, topic } = fixture()
      const one = await topic(1)
      const two = await topic(2)
      const writer = await openWriter(log)
      const first = await writer.output(one)
      const second = await writer.output(two)
      expect([first.topic, first.partitions, second.topic, second.partitions]).toEqual([one, 1, two, 2])
      appendText(first, 'to one')
      appendText(second, 'to two', 1)
      writer.seal()
      await writer.flush()
      await writer.close()
      expect((await readCommitted(log, one)).values()).toEqual(['to one'])
      expect((await readCommitted(log, two, 2)).values(1)).toEqual(['to two'])
    })
  })

  describe('bounded writers', () => {
    it('is full beyond its bound and says when it no longer is', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      let calls = 0
      const writer = await openWriter(log, { maxBufferedBytes: 10_000, onAvailable: () => calls++ })
      const output = await writer.output(name)
      expect(writer.isFull).toBe(false)
      for (let index = 0; index < 20; index++) appendText(output, 'x'.repeat(1_000))
      expect(writer.isFull).toBe(true)
      await until('onAvailable is called', () => calls > 0)
      expect(writer.isFull).toBe(false)
      await writer.close()
    })

    it('writes an epoch that is much larger than its bound', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(2)
      let calls = 0
      const writer = await openWriter(log, {
        transactionalId: unique('writer'),
        maxBufferedBytes: 20_000,
        onAvailable: () => calls++,
      })
      const output = await writer.output(name)
      for (let index = 0; index < 2_000; index++) {
        appendText(output, `${index}:${'x'.repeat(200)}`, index % 2)
        if (!writer.isFull) continue
        const before = calls
        await until('the writer has room', () => calls > before || !writer.isFull)
      }
      writer.seal()
      await writer.flush()
      await writer.commit(unique('group'), [])
      await writer.close()
      const probe = await readCommitted(log, name, 2)
      const numbers = (partition: number) => probe.values(partition).map((value) => Number.parseInt(value ?? '', 10))
      expect(numbers(0)).toEqual(Array.from({ length: 1_000 }, (_, index) => index * 2))
      expect(numbers(1)).toEqual(Array.from({ length: 1_000 }, (_, index) => index * 2 + 1))
    })

    it('counts what waits behind a sealed epoch, and has room again after the commit', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      let calls = 0
      const writer = await openWriter(log, {
        transactionalId: unique('writer'),
        maxBufferedBytes: 10_000,
        onAvailable: () => calls++,
      })
      const output = await writer.output(name)
      appendText(output, 'sealed')
      writer.seal()
      await writer.flush()
      for (let index = 0; index < 20; index++) appendText(output, 'x'.repeat(1_000))
      expect(writer.isFull).toBe(true)
      const before = calls
      await writer.commit(unique('group'), [])
      await until('the writer has room', () => !writer.isFull && calls > before)
      writer.seal()
      await writer.flush()
      await writer.commit(unique('group'), [])
      await writer.close()
      expect((await readCommitted(log, name)).seen.length).toBe(21)
    })
  })
}
