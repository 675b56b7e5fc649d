import { describe, expect, it } from 'vitest'
import { type DataStream, type Job, job, json, restart, string, type TopicOptions } from '../../src/index.ts'
import { testHarness } from '../../src/testing/index.ts'
import { failureOf, runFor, servers, values } from './run-until.ts'

function passing(policy: Pick<TopicOptions<unknown>, 'onDecodeFailure'>, map = (n: number): number => n): Job {
  return job('passing', (env) => {
    const numbers: DataStream<number> = env.topic('in', json<number>(), policy).uid('numbers')
    numbers.map(map).toTopic('out', json())
  })
}

const bad = Buffer.from('{not json')

describe('a record that does not decode', () => {
  it('fails the job by default, naming source, topic, partition, offset and format, and keeps the cause', async () => {
    const t = await testHarness(passing({}), { partitions: { in: 2 } })
    t.topic<number>('in').send(1, { partition: 1 })
    t.topic('in').sendBytes(bad, { partition: 1 })
    const error: unknown = await t.settle().catch((failure: unknown) => failure)
    expect(error).toMatchObject({
      code: 'DECODE_FAILED',
      where: { job: 'passing', operator: 'numbers', topic: 'in', partition: 1, offset: 1 },
      cause: expect.any(SyntaxError),
      message: expect.stringMatching(/json.*onDecodeFailure.*topic in partition 1 offset 1/is),
    })
  })

  it('fails the job the same way after a restart of the job: it is not lost', async () => {
    const on = servers({ in: 1, out: 1 })
    on.log.storage.write('in', 0, [{ value: bad, timestamp: 0 }])
    for (let n = 0; n < 2; n++) {
      expect(await failureOf(on, passing({}))).toMatchObject({ code: 'DECODE_FAILED', where: { offset: 0 } })
    }
    await runFor(on, passing({ onDecodeFailure: 'skip' }))
    expect(values(on, 'out')).toEqual([])
  })

  it('is skipped and counted', async () => {
    const t = await testHarness(passing({ onDecodeFailure: 'skip' }))
    const input = t.topic<number>('in')
    input.send(1)
    input.sendBytes(bad)
    input.sendBytes(null)
    input.send(2)
    await t.settle()
    expect(t.topic('out').values()).toEqual([1, 2])
    expect(t.handle.metrics()).toMatch(/millrace_records_undecodable\S* 2/)
    await t.stop()
  })

  it('goes to the dead letter topic as it is, with headers that say why and where', async () => {
    const t = await testHarness(passing({ onDecodeFailure: { deadLetterTopic: 'dead' } }))
    const input = t.topic<number>('in')
    input.send(1)
    input.sendBytes(bad, { key: 'k', timestamp: 77, headers: { trace: 'abc' } })
    await t.settle()
    expect(t.topic('dead').records()).toEqual([
      {
        key: 'k',
        value: '{not json',
        timestamp: 77,
        partition: 0,
        headers: {
          trace: 'abc',
          'millrace.job': 'passing',
          'millrace.operator': 'numbers',
          'millrace.topic': 'in',
          'millrace.partition': '0',
          'millrace.offset': '1',
          'millrace.error.code': 'DECODE_FAILED',
          'millrace.error.message': expect.stringContaining('json'),
        },
      },
    ])
    await t.stop()
  })

  it('is in the dead letter topic once, though its epoch was done again', async () => {
    let failures = 2
    const map = (n: number): number => {
      if (n === 2 && failures-- > 0) throw new Error('for now')
      return n
    }
    const t = await testHarness(passing({ onDecodeFailure: { deadLetterTopic: 'dead' } }, map), {
      run: { restart: restart.fixedDelay({ attempts: 5, delay: 20 }) },
    })
    const input = t.topic<number>('in')
    input.sendBytes(bad)
    input.send(1)
    input.send(2)
    await t.advanceBy(500)
    expect(failures).toBe(-1)
    expect(t.topic('out').values()).toEqual([1, 2])
    expect(t.topic('dead').values()).toEqual(['{not json'])
    await t.stop()
  })

  it('keeps the time order: records around dead letters are neither lost nor doubled over runs of the job', async () => {
    const on = servers({ in: 1, out: 1, dead: 2 })
    const target = passing({ onDecodeFailure: { deadLetterTopic: 'dead' } })
    const write = (text: string): void => on.log.storage.write('in', 0, [{ value: Buffer.from(text), timestamp: 0 }])
    for (let n = 0; n < 3; n++) {
      write(`${n}`)
      write(`bad ${n}`)
      await runFor(on, target)
    }
    expect(values(on, 'out')).toEqual([0, 1, 2])
    expect(
      on.log.storage
        .read('dead')
        .map(({ value }) => String(value))
        .toSorted(),
    ).toEqual(['bad 0', 'bad 1', 'bad 2'])
  })
})

describe('a tombstone', () => {
  it('fails a source of values with a message of its own', async () => {
    const t = await testHarness(passing({}))
    t.topic('in').sendBytes(null, { key: 'k' })
    await expect(t.settle()).rejects.toMatchObject({
      code: 'DECODE_FAILED',
      where: { operator: 'numbers', topic: 'in', partition: 0, offset: 0 },
      message: expect.stringMatching(/tombstone.*env\.records/),
    })
  })

  it('goes to the dead letter topic as a tombstone', async () => {
    const t = await testHarness(passing({ onDecodeFailure: { deadLetterTopic: 'dead' } }))
    t.topic('in').sendBytes(null, { key: 'k' })
    await t.settle()
    expect(t.topic('dead').records()).toMatchObject([{ key: 'k', value: null }])
    await t.stop()
  })

  it('is a record with the value null for env.records', async () => {
    const target = job('records', (env) => {
      env
        .records('in', { key: string(), value: json<number>() })
        .map(({ key, value }) => `${key}=${value}`)
        .toTopic('out', json())
    })
    const t = await testHarness(target)
    t.topic('in').sendBytes(null, { key: 'k' })
    t.topic<number>('in').send(1, { key: 'k' })
    await t.settle()
    expect(t.topic('out').values()).toEqual(['k=null', 'k=1'])
    await t.stop()
  })

  it('a key that does not decode is treated as the value is', async () => {
    const target = job('records', (env) => {
      env
        .records('in', { key: json<number>(), value: json<number>() }, { onDecodeFailure: 'skip' })
        .map(({ key }) => key)
        .toTopic('out', json())
    })
    const t = await testHarness(target)
    t.topic<number>('in').send(1, { key: '{' })
    t.topic<number>('in').send(1, { key: '5' })
    await t.settle()
    expect(t.topic('out').values()).toEqual([5])
    await t.stop()
  })
})
