import { describe, expect, it } from 'vitest'
import { simulate, undisturbed } from './run-topology.ts'
import { cachedTopologies, committedOutput, topologies } from './topologies.ts'

const SEEDS = [1, 2, 3]

describe.each(topologies)('a job that is $name', (topology) => {
  it.each(SEEDS)(
    'gives the output of an undisturbed run wherever its worker crashes (seed %i)',
    { timeout: 120_000 },
    async (seed) => {
      const { output, steps } = await undisturbed(topology, seed)
      expect(output.length).toBeGreaterThan(0)
      // Jobs with many steps are swept step by step with one seed; the others look between.
      const stride = Math.ceil(steps / (seed === SEEDS[0] ? (topology.crashes ?? steps) : 150))
      for (let step = 1; step <= steps; step += stride) {
        const place = `seed ${seed}, crash at step ${step} of ${steps}`
        const simulated = simulate(topology, seed)
        const first = simulated.startWorker('first')
        first.clock.crashAt(step)
        try {
          await simulated.runUntil(() => simulated.isFinished || first.clock.state === 'crashed', 60_000)
          if (!simulated.isFinished) {
            simulated.startWorker('second')
            await simulated.runUntil(() => simulated.isFinished, 60_000)
          }
        } catch (cause) {
          throw new Error(place, { cause })
        }
        expect(committedOutput(simulated.log.storage, topology.outputs), place).toEqual(output)
      }
    },
  )

  it('survives a second crash, of the worker that takes over, anywhere', { timeout: 120_000 }, async () => {
    const { output, steps } = await undisturbed(topology, 1)
    // The first crash lies where most is in flight: in the middle, in each phase of a commit.
    for (let first = Math.floor(steps / 2); first < steps / 2 + 20; first += 3) {
      for (let second = 1; second <= steps; second += Math.max(7, Math.ceil(steps / 40))) {
        const place = `first crash at step ${first}, second at ${second}`
        const simulated = simulate(topology, 1)
        const workers = [simulated.startWorker('first')]
        workers[0]?.clock.crashAt(first)
        for (const name of ['second', 'third']) {
          await simulated.runUntil(() => simulated.isFinished || workers.at(-1)?.clock.state === 'crashed', 60_000)
          if (simulated.isFinished) break
          const worker = simulated.startWorker(name)
          if (name === 'second') worker.clock.crashAt(second)
          workers.push(worker)
        }
        await simulated.runUntil(() => simulated.isFinished, 60_000)
        expect(committedOutput(simulated.log.storage, topology.outputs), place).toEqual(output)
      }
    }
  })
})

describe.each(cachedTopologies)('a job that is $name', (topology, whole) => {
  it('gives what the job gives that holds everything', async () => {
    for (const seed of SEEDS) {
      expect((await undisturbed(topology, seed)).output).toEqual((await undisturbed(whole, seed)).output)
    }
  })
})
