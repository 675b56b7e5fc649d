import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../../src/log/kafka/consumer-protocol.ts'

const topic = fc.string({ unit: 'grapheme', maxLength: 20 })

it('finds the metadata of a member behind the topics of its subscription', () => {
  fc.assert(
    fc.property(fc.array(topic), fc.uint8Array(), (topics, userData) => {
      expect([...decodeSubscription(encodeSubscription(topics, userData))]).toEqual([...userData])
    }),
  )
})

it('finds the assignment of a member behind its partitions', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ topic, partition: fc.nat() })), fc.uint8Array(), (partitions, userData) => {
      expect([...decodeAssignment(encodeAssignment(partitions, userData))]).toEqual([...userData])
    }),
  )
})

it('writes the bytes that the tools of Kafka read', () => {
  const partitions = [
    { topic: 'ab', partition: 3 },
    { topic: 'ab', partition: 7 },
  ]
  expect(encodeAssignment(partitions, Buffer.from('x')).toString('hex')).toBe(
    `0000${'00000001'}${'0002'}6162${'00000002'}${'00000003'}${'00000007'}${'00000001'}78`,
  )
})
