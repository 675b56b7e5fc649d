import { describe, expect, it } from 'vitest'
import { type LogFixture, openWriter, Probe, unique, until, WAIT_MS, writePlain } from './fixture.ts'

export function topicContract(fixture: () => LogFixture): void {
  describe('topics', () => {
    it('describes topics in the order asked, with null for one that does not exist', async () => {
      const { log, topic } = fixture()
      const two = await topic(2)
      const one = await topic(1)
      expect(await log.describeTopics([one, unique('absent'), two])).toEqual([
        { name: one, partitions: 1 },
        null,
        { name: two, partitions: 2 },
      ])
    })

    it('creates what is missing and leaves an existing topic as it is', { timeout: WAIT_MS }, async () => {
      const { log } = fixture()
      const first = unique('topic')
      const second = unique('topic')
      await log.createTopics([{ name: first, partitions: 3 }])
      await writePlain(log, first, ['kept'])
      await log.createTopics([
        { name: first, partitions: 5 },
        { name: second, partitions: 2, config: { 'retention.ms': '-1' } },
      ])
      expect(await log.describeTopics([first, second])).toEqual([
        { name: first, partitions: 3 },
        { name: second, partitions: 2 },
      ])
      expect(await log.offsets([{ topic: first, partition: 0 }], 'latest')).toEqual([1])
    })

    it('can be used for a topic as soon as its creation has resolved', { timeout: WAIT_MS }, async () => {
      const { log } = fixture()
      const name = unique('topic')
      await log.createTopics([{ name, partitions: 4 }])
      await writePlain(log, name, ['at once'], 3)
      expect(await log.offsets([{ topic: name, partition: 3 }], 'latest')).toEqual([1])
    })

    it('forgets a deleted topic, and deleting one that does not exist is no error', { timeout: WAIT_MS }, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      await log.deleteTopics([name])
      await until('the topic is gone', async () => (await log.describeTopics([name]))[0] === null)
      await log.deleteTopics([unique('absent')])
    })

    it('has offset 0 as first and last offset of an empty partition', async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      const partition = [{ topic: name, partition: 0 }]
      expect(await log.offsets(partition, 'earliest')).toEqual([0])
      expect(await log.offsets(partition, 'latest')).toEqual([0])
      expect(await log.offsets(partition, Date.now())).toEqual([0])
    })

    it('lets go of records below an offset, and keeps the others', { timeout: WAIT_MS }, async () => {
      const { log, topic } = fixture()
      const name = await topic(1)
      await writePlain(log, name, ['a', 'b'])
      await writePlain(log, name, ['c'])
      await log.deleteRecords([{ topic: name, partition: 0, offset: 2 }])
      expect(await log.offsets([{ topic: name, partition: 0 }], 'earliest')).toEqual([2])
      expect(await log.offsets([{ topic: name, partition: 0 }], 'latest')).toEqual([3])
      const probe = new Probe(log)
      probe.reader.add([{ topic: name, partition: 0, offset: 2 }])
      await until('the last record is read', () => {
        probe.takeAll()
        return probe.values().length > 0
      })
      expect(probe.values()).toEqual(['c'])
      await probe.reader.close()
    })

    it('rejects with TOPIC_MISSING what needs a topic that does not exist', { timeout: WAIT_MS }, async () => {
      const { log } = fixture()
      const absent = unique('absent')
      const writer = await openWriter(log)
      await expect(writer.output(absent)).rejects.toMatchObject({
        code: 'TOPIC_MISSING',
        message: expect.stringContaining(absent),
      })
      await writer.close()
      await expect(log.offsets([{ topic: absent, partition: 0 }], 'latest')).rejects.toMatchObject({
        code: 'TOPIC_MISSING',
      })
    })

    it('names itself and its address', () => {
      const { log } = fixture()
      expect(log.kind).toMatch(/^[a-z]+$/)
      expect(log.describe()).not.toBe('')
    })
  })
}
