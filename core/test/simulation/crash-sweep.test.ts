import { describe, expect, it } from 'vitest'
import { simulate, undisturbed } from './run-topology.ts'
import { cachedTopologies, committedOutput, type Topology, topologies } from './topologies.ts'

const SEEDS = [1, 2, 3]
/** `npm run sweep` goes through every step; else a job is crashed at so many of them, evenly spread. */
const isWhole = process.env.MILLRACE_SWEEP === 'whole'
const SOME = { firstSeed: 60, others: 20, second: 8 }

function crashesOf({ crashes }: Topology, seed: number, steps: number): number {
  const isFirst = seed === SEEDS[0]
  if (isWhole) return isFirst ? (crashes ?? steps) : 150
  return isFirst ? SOME.firstSeed : SOME.others
}

describe.each(topologies)('a job that is $name', (topology) => {
  it.each(SEEDS)(
    'gives the output of an undisturbed run wherever its worker crashes (seed %i)',
    { timeout: isWhole ? 600_000 : 120_000 },
    async (seed) => {
      const { output, steps } = await undisturbed(topology, seed)
      expect(output.length).toBeGreaterThan(0)
      const stride = Math.ceil(steps / crashesOf(topology, seed, steps))
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

  it('survives a second crash, of the worker that takes over, anywhere', {
    timeout: isWhole ? 600_000 : 120_000,
  }, async () => {
    const { output, steps } = await undisturbed(topology, 1)
    // The first crash lies where most is in flight: in the middle, in each phase of a commit.
    for (let first = Math.floor(steps / 2); first < steps / 2 + 20; first += isWhole ? 3 : 7) {
      for (let second = 1; second <= steps; second += Math.max(7, Math.ceil(steps / (isWhole ? 40 : SOME.second)))) {
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
