import { describe, expect, it } from 'vitest'
import { simulate, undisturbed } from './run-topology.ts'
import { committedOutput, topologies } from './topologies.ts'

/** Longer than the session of a simulated worker: the others take its tasks over meanwhile. */
const FROZEN_MS = 1_000

describe.each(topologies)('a job that is $name', (topology) => {
  it('is not harmed by a worker that wakes up after its tasks moved, wherever it was frozen', {
    timeout: 120_000,
  }, async () => {
    const { output, steps } = await undisturbed(topology, 5)
    let takenOver = 0
    for (let step = 2; step <= steps; step += Math.max(2, Math.ceil(steps / 80))) {
      const place = `frozen after step ${step} of ${steps}`
      const simulated = simulate(topology, 5)
      const zombie = simulated.startWorker('zombie')
      await simulated.runUntil(() => simulated.isFinished || zombie.clock.steps >= step, 60_000)
      zombie.clock.freeze()
      if (!simulated.isFinished) {
        const other = simulated.startWorker('other')
        await simulated.clock.advanceBy(FROZEN_MS)
        if (other.handle.status().workers.some(({ totals }) => totals.epochs > 0)) takenOver++
      }
      zombie.clock.thaw()
      await simulated.runUntil(() => simulated.isFinished, 60_000)
      // What the zombie still does must not change anything either.
      await simulated.clock.advanceBy(FROZEN_MS)
      expect(committedOutput(simulated.log.storage, topology.outputs), place).toEqual(output)
    }
    expect(takenOver).toBeGreaterThan(0)
  })
})

describe('a worker that freezes while it takes tasks over', () => {
  it('does not take what the next owner has done meanwhile for a loss, at whatever step', {
    timeout: 120_000,
  }, async () => {
    const topology = topologies.find(({ name }) => name === 'two regions through a repartition topic')
    if (topology === undefined) throw new Error('There is no such job.')
    for (const seed of [1, 2, 3]) {
      const { output } = await undisturbed(topology, seed)
      let takenOver = 0
      for (let step = 1; step <= 90; step++) {
        const place = `seed ${seed}, frozen after step ${step}`
        const simulated = simulate(topology, seed)
        const zombie = simulated.startWorker('zombie')
        await simulated.runUntil(() => simulated.isFinished || zombie.clock.steps >= step, 60_000)
        zombie.clock.freeze()
        const other = simulated.startWorker('other')
        // Long enough for the next owner to commit, and short enough for it not to have finished.
        await simulated.runUntil(
          () => other.handle.status().workers.some(({ totals }) => totals.epochs > 2) || simulated.isFinished,
          60_000,
        )
        if (!simulated.isFinished) takenOver++
        zombie.clock.thaw()
        await simulated.runUntil(() => simulated.isFinished, 60_000)
        await simulated.clock.advanceBy(FROZEN_MS)
        expect(committedOutput(simulated.log.storage, topology.outputs), place).toEqual(output)
      }
      expect(takenOver).toBeGreaterThan(0)
    }
  })
})
