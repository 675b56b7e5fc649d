import { describe, expect, it } from 'vitest'
import { planTakeOver, type TakeOverFacts } from '../../src/checkpoint/take-over.ts'

function facts(given: Partial<TakeOverFacts>): TakeOverFacts {
  return { decider: 'log', committed: null, foreignOffsets: false, applied: null, decided: null, staged: [], ...given }
}

describe('taking over a task whose epochs the log decides', () => {
  it('starts anew when neither side knows the task', () => {
    expect(planTakeOver(facts({}))).toEqual({ epoch: 0, apply: null, positions: 'start' })
  })

  it('starts anew when the first epoch was staged but never decided', () => {
    expect(planTakeOver(facts({ staged: [1] }))).toEqual({ epoch: 0, apply: null, positions: 'start' })
  })

  it('goes on where both sides agree, whatever was staged after', () => {
    expect(planTakeOver(facts({ committed: 7, applied: 7, staged: [8] }))).toEqual({
      epoch: 7,
      apply: null,
      positions: 'log',
    })
  })

  it('applies the staged epoch that was decided before the crash', () => {
    expect(planTakeOver(facts({ committed: 8, applied: 7, staged: [8] }))).toEqual({
      epoch: 8,
      apply: 8,
      positions: 'log',
    })
    expect(planTakeOver(facts({ committed: 1, applied: null, staged: [1] }))).toEqual({
      epoch: 1,
      apply: 1,
      positions: 'log',
    })
  })

  it('says that state was lost when a decided epoch is nowhere in the backend', () => {
    expect(() => planTakeOver(facts({ committed: 8, applied: 7 }))).toThrow(
      expect.objectContaining({ code: 'STATE_LOST' }),
    )
    expect(() => planTakeOver(facts({ committed: 8, applied: null, staged: [] }))).toThrow(/no epoch/)
    expect(() => planTakeOver(facts({ committed: 9, applied: 7, staged: [9] }))).toThrow(
      expect.objectContaining({ code: 'STATE_LOST' }),
    )
  })

  it('says that offsets were lost when they were moved back', () => {
    expect(() => planTakeOver(facts({ committed: 5, applied: 7 }))).toThrow(
      expect.objectContaining({ code: 'OFFSETS_LOST' }),
    )
  })

  it('takes positions from the state when the log has dropped the offsets of the group', () => {
    expect(planTakeOver(facts({ applied: 7 }))).toEqual({ epoch: 7, apply: null, positions: 'state' })
  })

  it('refuses to guess when the offsets are gone and an epoch is undecided', () => {
    expect(() => planTakeOver(facts({ applied: 7, staged: [8] }))).toThrow(
      expect.objectContaining({ code: 'OFFSETS_LOST' }),
    )
  })

  it('refuses offsets that another tool has set beside existing state', () => {
    expect(() => planTakeOver(facts({ applied: 7, foreignOffsets: true }))).toThrow(/another tool/)
    expect(planTakeOver(facts({ foreignOffsets: true }))).toMatchObject({ epoch: 0, positions: 'start' })
  })
})

describe('taking over a task whose epochs the backend decides', () => {
  it('starts anew, goes on, or applies what was decided', () => {
    expect(planTakeOver(facts({ decider: 'state', staged: [1] }))).toMatchObject({ epoch: 0, positions: 'start' })
    expect(planTakeOver(facts({ decider: 'state', applied: 3, decided: 3, staged: [4] }))).toEqual({
      epoch: 3,
      apply: null,
      positions: 'state',
    })
    expect(planTakeOver(facts({ decider: 'state', applied: 3, decided: 4, staged: [4] }))).toEqual({
      epoch: 4,
      apply: 4,
      positions: 'state',
    })
  })

  it('says that state was lost when the decided changes are gone', () => {
    expect(() => planTakeOver(facts({ decider: 'state', applied: 3, decided: 4 }))).toThrow(
      expect.objectContaining({ code: 'STATE_LOST' }),
    )
  })
})
