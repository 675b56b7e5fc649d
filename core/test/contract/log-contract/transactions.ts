import { describe, expect, it } from 'vitest'
import type { LogWriter } from '../../../src/log/log.ts'
import {
  allPartitions,
  appendText,
  commitSealed,
  ends,
  type LogFixture,
  openWriter,
  Probe,
  readCommitted,
  unique,
  until,
  WAIT_MS,
  writePlain,
} from './fixture.ts'

/** Appends, seals, and waits for the acknowledgement: the log has the records, in an open transaction. */
async function writeOpen(writer: LogWriter, topic: string, values: readonly string[], partition = 0): Promise<void> {
  const output = await writer.output(topic)
  for (const value of values) appendText(output, value, partition)
  writer.seal()
  await writer.flush()
}

export function transactionContract(fixture: () => LogFixture): void {
  const options = { timeout: WAIT_MS }

  describe('transactions', () => {
    it('shows the records of a transaction after its commit and not before', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(2)
      const probe = new Probe(log)
      probe.reader.add(allPartitions(name, 2).map((partition) => ({ ...partition, offset: 0 })))
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      await writeOpen(writer, name, ['a', 'b'])
      // The plain record was written later; when it is here, the others could have been.
      await writePlain(log, name, ['plain'], 1)
      await probe.readTo([{ topic: name, partition: 1, offset: 1 }])
      expect(probe.values()).toEqual(['plain'])
      expect(await log.offsets([{ topic: name, partition: 0 }], 'latest')).toEqual([0])
      await writer.commit(unique('group'), [])
      await probe.readTo(await ends(log, name, 2))
      expect(probe.values(0)).toEqual(['a', 'b'])
      await writer.close()
      await probe.reader.close()
    })

    it('holds records behind an open transaction back until it is decided', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      await writeOpen(writer, name, ['open'])
      await writePlain(log, name, ['behind'])
      expect(await log.offsets([{ topic: name, partition: 0 }], 'latest')).toEqual([0])
      await writer.commit(unique('group'), [])
      const probe = await readCommitted(log, name)
      expect(probe.seen.map((s) => [s.offset, s.value])).toEqual([
        [0, 'open'],
        [1, 'behind'],
      ])
      await writer.close()
    })

    it('reaches the latest offset with nextOffset, whatever lies at the end', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      const output = await writer.output(name)
      appendText(output, 'a')
      await commitSealed(writer)
      const [first] = await log.offsets([{ topic: name, partition: 0 }], 'latest')
      expect(first).toBeGreaterThanOrEqual(1)
      expect((await readCommitted(log, name)).position(name, 0)).toBe(first)
      appendText(output, 'b')
      writer.seal()
      await writer.flush()
      await writer.abort()
      const [second] = await log.offsets([{ topic: name, partition: 0 }], 'latest')
      expect(second).toBeGreaterThan(first as number)
      const probe = await readCommitted(log, name)
      expect(probe.position(name, 0)).toBe(second)
      expect(probe.values()).toEqual(['a'])
      await writer.close()
    })

    it('reaches the latest offset from a position where only an aborted transaction follows', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      await writePlain(log, name, ['a'])
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      await writeOpen(writer, name, ['aborted', 'too'])
      await writer.abort()
      await writer.close()
      const probe = new Probe(log)
      probe.reader.add([{ topic: name, partition: 0, offset: 1 }])
      await probe.readTo(await ends(log, name, 1))
      expect(probe.values()).toEqual([])
      await probe.reader.close()
    })

    it('never shows aborted records, also between committed ones', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(2)
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      const output = await writer.output(name)
      const expected: string[] = []
      for (let round = 0; round < 9; round++) {
        for (let index = 0; index < 4; index++) appendText(output, `${round}/${index}`, index % 2)
        writer.seal()
        await writer.flush()
        if (round % 3 === 1) {
          await writer.abort()
        } else {
          await writer.commit(unique('group'), [])
          expected.push(`${round}/0`, `${round}/2`)
        }
      }
      await writer.close()
      const probe = await readCommitted(log, name, 2)
      expect(probe.values(0)).toEqual(expected)
      expect(probe.values(1)).toEqual(expected.map((value) => value.replace('/2', '/3').replace('/0', '/1')))
      const offsets = probe.seen.filter((s) => s.partition === 0).map((s) => s.offset)
      expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b))
    })

    it('drops what was appended and not sealed when it aborts', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      const output = await writer.output(name)
      appendText(output, 'sealed')
      writer.seal()
      appendText(output, 'behind it')
      await writer.abort()
      expect(writer.hasUnsealed).toBe(false)
      appendText(output, 'kept')
      await commitSealed(writer)
      await writer.close()
      expect((await readCommitted(log, name)).values()).toEqual(['kept'])
    })

    it('commits several partitions and topics in one step', options, async () => {
      const { log, topic } = fixture()
      const one = await topic(3)
      const two = await topic(1)
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      const first = await writer.output(one)
      const second = await writer.output(two)
      for (let partition = 0; partition < 3; partition++) appendText(first, `p${partition}`, partition)
      appendText(second, 'other')
      await commitSealed(writer)
      await writer.close()
      const probe = await readCommitted(log, one, 3)
      expect([0, 1, 2].flatMap((partition) => probe.values(partition))).toEqual(['p0', 'p1', 'p2'])
      expect((await readCommitted(log, two)).values()).toEqual(['other'])
    })

    it('keeps what is appended after the seal out of the sealed transaction', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      const output = await writer.output(name)
      const expected: string[] = []
      appendText(output, 'epoch 0')
      for (let epoch = 0; epoch < 5; epoch++) {
        writer.seal()
        appendText(output, `epoch ${epoch + 1}`)
        expect(writer.hasUnsealed).toBe(true)
        await writer.flush()
        const deciding = writer.commit(unique('group'), [])
        appendText(output, `epoch ${epoch + 1}, while the one before commits`)
        await deciding
        expected.push(`epoch ${epoch}`)
        if (epoch > 0) expected.push(`epoch ${epoch}, while the one before commits`)
        expect((await readCommitted(log, name)).values()).toEqual(expected)
      }
      await writer.abort()
      await writer.close()
      expect((await readCommitted(log, name)).values()).toEqual(expected)
    })

    it('lets an epoch without output pass, and keeps the next one apart from it', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const group = unique('group')
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      const output = await writer.output(name)
      writer.seal()
      appendText(output, 'next')
      await writer.flush()
      await writer.commit(group, [{ topic: name, partition: 0, offset: 7, metadata: 'empty epoch' }])
      expect(await log.committed(group, [{ topic: name, partition: 0 }])).toEqual([
        { offset: 7, metadata: 'empty epoch' },
      ])
      expect((await readCommitted(log, name)).values()).toEqual([])
      await commitSealed(writer)
      expect((await readCommitted(log, name)).values()).toEqual(['next'])
      await writer.close()
    })

    it('flushes what is sealed when it commits, once, also beside a flush that is on its way', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const group = unique('group')
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      const output = await writer.output(name)
      const expected: string[] = []
      for (let epoch = 0; epoch < 6; epoch++) {
        for (let index = 0; index < 3; index++) expected.push(`${epoch}/${index}`)
        for (const value of expected.slice(-3)) appendText(output, value)
        writer.seal()
        const flushing = epoch % 2 === 0 ? writer.flush() : Promise.resolve()
        await Promise.all([flushing, writer.commit(group, [])])
      }
      await writer.close()
      expect((await readCommitted(log, name)).values()).toEqual(expected)
    })

    it('refuses to seal a second epoch before the first is committed', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      const output = await writer.output(name)
      appendText(output, 'first')
      writer.seal()
      appendText(output, 'second')
      expect(() => writer.seal()).toThrow(expect.objectContaining({ code: 'INVARIANT_BROKEN' }))
      await writer.commit(unique('group'), [])
      await commitSealed(writer)
      await writer.close()
      expect((await readCommitted(log, name)).values()).toEqual(['first', 'second'])
    })

    it('refuses a commit while something is appended and not sealed', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const group = unique('group')
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      appendText(await writer.output(name), 'not sealed')
      const early = writer.commit(group, [{ topic: name, partition: 0, offset: 1, metadata: '' }])
      await expect(early).rejects.toMatchObject({ code: 'INVARIANT_BROKEN' })
      expect(await log.committed(group, [{ topic: name, partition: 0 }])).toEqual([null])
      await commitSealed(writer)
      await writer.close()
      expect((await readCommitted(log, name)).values()).toEqual(['not sealed'])
    })

    it('aborts an epoch that is much larger than its buffer and partly written already', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const writer = await openWriter(log, { transactionalId: unique('writer'), maxBufferedBytes: 10_000 })
      const output = await writer.output(name)
      for (let index = 0; index < 300; index++) {
        appendText(output, `dropped ${'x'.repeat(200)}`)
        if (writer.isFull) await until('the writer has room', () => !writer.isFull)
      }
      await writer.abort()
      appendText(output, 'kept')
      await commitSealed(writer)
      await writer.close()
      expect((await readCommitted(log, name)).values()).toEqual(['kept'])
    })

    it('takes nothing back of a commit that was on its way when it aborted', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const group = unique('group')
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      const output = await writer.output(name)
      appendText(output, 'deciding')
      writer.seal()
      const outcome = writer.commit(group, [{ topic: name, partition: 0, offset: 1, metadata: '' }]).then(
        () => true,
        () => false,
      )
      appendText(output, 'dropped')
      await writer.abort()
      const isCommitted = await outcome
      expect(await log.committed(group, [{ topic: name, partition: 0 }])).toEqual([
        isCommitted ? { offset: 1, metadata: '' } : null,
      ])
      appendText(output, 'kept')
      await commitSealed(writer)
      await writer.close()
      expect((await readCommitted(log, name)).values()).toEqual(isCommitted ? ['deciding', 'kept'] : ['kept'])
    })

    it('knows an end before the open transaction, and beyond it after the commit', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      await writePlain(log, name, ['a', 'b'])
      const probe = new Probe(log)
      probe.reader.add([{ topic: name, partition: 0, offset: 0 }])
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      await writeOpen(writer, name, ['open'])
      await probe.readTo([{ topic: name, partition: 0, offset: 2 }])
      expect(probe.reader.endOffset(name, 0)).toBe(2)
      await writer.commit(unique('group'), [])
      const [end] = await ends(log, name, 1)
      await probe.readTo([end as NonNullable<typeof end>])
      expect(probe.reader.endOffset(name, 0)).toBe(end?.offset)
      await writer.close()
      await probe.reader.close()
    })

    it('interleaves two writers in one partition without mixing their outcomes', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const left = await openWriter(log, { transactionalId: unique('writer') })
      const right = await openWriter(log, { transactionalId: unique('writer') })
      await writeOpen(left, name, ['left 1', 'left 2'])
      await writeOpen(right, name, ['right 1'])
      await right.commit(unique('group'), [])
      expect((await readCommitted(log, name)).values()).toEqual([])
      await left.abort()
      expect((await readCommitted(log, name)).values()).toEqual(['right 1'])
      await left.close()
      await right.close()
    })
  })

  describe('offsets of a transaction', () => {
    it('commits offsets with their metadata beside the records', options, async () => {
      const { log, topic } = fixture()
      const input = await topic(3)
      const output = await topic(1)
      const group = unique('group')
      const all = allPartitions(input, 3)
      expect(await log.committed(group, all)).toEqual([null, null, null])
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      await writeOpen(writer, output, ['result'])
      expect(await log.committed(group, all)).toEqual([null, null, null])
      const long = `{"epoch":3,"text":"ü流"}${'m'.repeat(3_000)}`
      await writer.commit(group, [
        { topic: input, partition: 0, offset: 12, metadata: long },
        { topic: input, partition: 2, offset: 0, metadata: '' },
      ])
      expect(await log.committed(group, all)).toEqual([
        { offset: 12, metadata: long },
        null,
        { offset: 0, metadata: '' },
      ])
      expect(await log.committed(group, [...all].reverse())).toMatchObject([{ offset: 0 }, null, { offset: 12 }])
      expect((await readCommitted(log, output)).values()).toEqual(['result'])
      await writer.close()
    })

    it('commits offsets alone when nothing is sealed, as often as asked', options, async () => {
      const { log, topic } = fixture()
      const input = await topic(1)
      const group = unique('group')
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      for (let epoch = 1; epoch <= 3; epoch++) {
        await writer.commit(group, [{ topic: input, partition: 0, offset: epoch * 10, metadata: `epoch ${epoch}` }])
        expect(await log.committed(group, [{ topic: input, partition: 0 }])).toEqual([
          { offset: epoch * 10, metadata: `epoch ${epoch}` },
        ])
      }
      await writer.close()
    })

    it('takes 4,000 bytes of metadata for each of many partitions', options, async () => {
      const { log, topic } = fixture()
      const input = await topic(8)
      const group = unique('group')
      const metadata = 'ü'.repeat(2_000)
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      const all = allPartitions(input, 8)
      await writer.commit(
        group,
        all.map((partition, index) => ({ ...partition, offset: index * 1e12, metadata })),
      )
      expect(await log.committed(group, all)).toEqual(all.map((_, index) => ({ offset: index * 1e12, metadata })))
      await writer.close()
    })

    it('keeps the offsets of groups apart', options, async () => {
      const { log, topic } = fixture()
      const input = await topic(1)
      const partition = { topic: input, partition: 0 }
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      const one = unique('group')
      const two = unique('group')
      await writer.commit(one, [{ ...partition, offset: 1, metadata: 'one' }])
      await writer.commit(two, [{ ...partition, offset: 2, metadata: 'two' }])
      expect(await log.committed(one, [partition])).toEqual([{ offset: 1, metadata: 'one' }])
      expect(await log.committed(two, [partition])).toEqual([{ offset: 2, metadata: 'two' }])
      await writer.close()
    })
  })

  describe('fencing', () => {
    it('aborts the open transaction of the former owner when another takes the id over', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const transactionalId = unique('writer')
      const zombie = await openWriter(log, { transactionalId })
      await writeOpen(zombie, name, ['lost'])
      const owner = await openWriter(log, { transactionalId })
      await writeOpen(owner, name, ['kept'])
      await owner.commit(unique('group'), [])
      const probe = await readCommitted(log, name)
      expect(probe.values()).toEqual(['kept'])
      await owner.close()
      await zombie.close()
    })

    it('keeps what the former owner has committed', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const group = unique('group')
      const transactionalId = unique('writer')
      const former = await openWriter(log, { transactionalId })
      await writeOpen(former, name, ['committed'])
      await former.commit(group, [{ topic: name, partition: 0, offset: 5, metadata: 'epoch 1' }])
      const owner = await openWriter(log, { transactionalId })
      expect(await log.committed(group, [{ topic: name, partition: 0 }])).toEqual([{ offset: 5, metadata: 'epoch 1' }])
      expect((await readCommitted(log, name)).values()).toEqual(['committed'])
      await owner.close()
      await former.close()
    })

    it('refuses the commit of a fenced writer: neither its records nor its offsets become true', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const group = unique('group')
      const transactionalId = unique('writer')
      const zombie = await openWriter(log, { transactionalId })
      await writeOpen(zombie, name, ['lost'])
      const owner = await openWriter(log, { transactionalId })
      const late = zombie.commit(group, [{ topic: name, partition: 0, offset: 9, metadata: 'late' }])
      await expect(late).rejects.toMatchObject({ code: 'FENCED' })
      expect(await log.committed(group, [{ topic: name, partition: 0 }])).toEqual([null])
      expect((await readCommitted(log, name)).values()).toEqual([])
      await owner.close()
      await zombie.close()
    })

    it('refuses offsets alone of a fenced writer', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const group = unique('group')
      const transactionalId = unique('writer')
      const zombie = await openWriter(log, { transactionalId })
      const owner = await openWriter(log, { transactionalId })
      const late = zombie.commit(group, [{ topic: name, partition: 0, offset: 9, metadata: 'late' }])
      await expect(late).rejects.toMatchObject({ code: 'FENCED' })
      expect(await log.committed(group, [{ topic: name, partition: 0 }])).toEqual([null])
      await owner.close()
      await zombie.close()
    })

    it('refuses records of a fenced writer and tells it in the background', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const transactionalId = unique('writer')
      let calls = 0
      const zombie = await openWriter(log, { transactionalId, onAvailable: () => calls++ })
      const output = await zombie.output(name)
      const owner = await openWriter(log, { transactionalId })
      appendText(output, 'late')
      zombie.seal()
      await expect(zombie.flush()).rejects.toMatchObject({ code: 'FENCED' })
      expect(() => zombie.check()).toThrow(expect.objectContaining({ code: 'FENCED' }))
      expect(calls).toBeGreaterThan(0)
      await expect(zombie.commit(unique('group'), [])).rejects.toMatchObject({ code: 'FENCED' })
      await writeOpen(owner, name, ['kept'])
      await owner.commit(unique('group'), [])
      expect((await readCommitted(log, name)).values()).toEqual(['kept'])
      await owner.close()
      await zombie.close()
    })

    it('does not let a fenced writer abort or close away the transaction of the owner', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const transactionalId = unique('writer')
      const zombie = await openWriter(log, { transactionalId })
      await writeOpen(zombie, name, ['lost'])
      const owner = await openWriter(log, { transactionalId })
      await writeOpen(owner, name, ['kept'])
      await zombie.abort().catch((error: unknown) => expect(error).toMatchObject({ code: 'FENCED' }))
      await zombie.close()
      await owner.commit(unique('group'), [])
      expect((await readCommitted(log, name)).values()).toEqual(['kept'])
      await owner.close()
    })

    it('lets an id be taken over again and again; the last one owns it', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const transactionalId = unique('writer')
      const writers: LogWriter[] = []
      for (let index = 0; index < 4; index++) {
        const writer = await openWriter(log, { transactionalId })
        await writeOpen(writer, name, [`writer ${index}`])
        writers.push(writer)
      }
      const outcomes = await Promise.allSettled(writers.map((writer) => writer.commit(unique('group'), [])))
      expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled'])
      expect((await readCommitted(log, name)).values()).toEqual(['writer 3'])
      for (const writer of writers) await writer.close()
    })

    it('does not touch writers of other ids', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const bystander = await openWriter(log, { transactionalId: unique('writer') })
      await writeOpen(bystander, name, ['bystander'])
      const transactionalId = unique('writer')
      const former = await openWriter(log, { transactionalId })
      const owner = await openWriter(log, { transactionalId })
      await bystander.commit(unique('group'), [])
      await until('the record is visible', async () => (await readCommitted(log, name)).values()[0] === 'bystander')
      for (const writer of [bystander, former, owner]) await writer.close()
    })

    it(
      'commits output and offsets both or neither when it is closed while a commit is on its way',
      options,
      async () => {
        const { log, topic } = fixture()
        for (let round = 0; round < 5; round++) {
          const name = await topic(1)
          const group = unique('group')
          const writer = await openWriter(log, { transactionalId: unique('writer') })
          await writeOpen(writer, name, ['one'])
          const commit = writer.commit(group, [{ topic: name, partition: 0, offset: 1, metadata: '' }]).catch(() => {})
          for (let turn = 0; turn < round; turn++) await Promise.resolve()
          await writer.close()
          await commit
          const [offset] = await log.committed(group, [{ topic: name, partition: 0 }])
          const values = (await readCommitted(log, name)).values()
          expect(values).toEqual(offset == null ? [] : ['one'])
        }
      },
    )

    it('decides the open transaction of a writer that closes without a commit', options, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      await writeOpen(writer, name, ['open'])
      await writer.close()
      await writePlain(log, name, ['after'])
      await until('the later record is visible', async () => {
        const probe = await readCommitted(log, name)
        return probe.values().length > 0
      })
      expect((await readCommitted(log, name)).values()).toEqual(['after'])
    })
  })
}
