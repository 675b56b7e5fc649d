import { expect, it } from 'vitest'
import { job, json } from '../../src/index.ts'
import { SimulatedCluster } from '../../src/testing/index.ts'

interface Work {
  readonly id: number
  readonly left: number
  readonly steps: number
}

/** A loop through a topic: what is not done goes back to the topic that it came from. */
const halving = job('halving', (env) => {
  const stepped = env
    .topic('work', json<Work>())
    .map(({ id, left, steps }) => ({ id, left: left % 2 === 0 ? left / 2 : left * 3 + 1, steps: steps + 1 }))
  stepped.filter(({ left }) => left !== 1).toTopic('work', json(), { key: ({ id }) => id })
  stepped.filter(({ left }) => left === 1).toTopic('done', json(), { key: ({ id }) => id })
})

function stepsOf(n: number): number {
  let steps = 0
  for (let left = n; left !== 1; left = left % 2 === 0 ? left / 2 : left * 3 + 1) steps++
  return steps
}

it('a stream that feeds itself through a topic goes round until nothing is left to do, exactly once, whoever crashes', async () => {
  const numbers = [2, 6, 7, 9]
  for (let crashAt = 10; crashAt < 400; crashAt += 30) {
    const cluster = new SimulatedCluster(halving, { seed: crashAt, run: { allowVolatileState: true } })
    for (const topic of ['work', 'done']) cluster.log.storage.createTopic(topic, 2)
    for (const n of numbers) {
      const work: Work = { id: n, left: n, steps: 0 }
      cluster.log.storage.write('work', n % 2, [{ value: Buffer.from(JSON.stringify(work)), timestamp: 0 }])
    }
    cluster.startWorker('first').clock.crashAt(crashAt)
    cluster.startWorker('second')
    const done = (): Work[] => cluster.log.storage.read('done').map(({ value }) => JSON.parse(String(value)) as Work)
    await cluster.runUntil(() => done().length >= numbers.length, 120_000)
    await cluster.clock.advanceBy(2_000)
    expect(
      done()
        .map(({ id, steps }) => [id, steps])
        .toSorted((a, b) => (a[0] as number) - (b[0] as number)),
    ).toEqual(numbers.map((n) => [n, stepsOf(n)]))
  }
})
