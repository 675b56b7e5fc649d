import { afterAll, beforeAll, beforeEach, describe } from 'vitest'
import { applyContract } from './state-backend-contract/apply.ts'
import { changeContract } from './state-backend-contract/changes.ts'
import { StateBackendFixture, type StateBackendUnderTest } from './state-backend-contract/fixture.ts'
import { modelContract } from './state-backend-contract/model.ts'
import { readingContract } from './state-backend-contract/reading.ts'
import { taskContract } from './state-backend-contract/tasks.ts'

export type { StateBackendUnderTest } from './state-backend-contract/fixture.ts'

export interface StateBackendContractOptions {
  /** Runs of each property. */
  readonly runs?: number
}

/** What every state backend must do. `create` is called once. */
export function stateBackendContract(
  name: string,
  create: () => Promise<StateBackendUnderTest>,
  options: StateBackendContractOptions = {},
): void {
  describe(`StateBackend ${name}`, () => {
    const fixture = new StateBackendFixture()
    beforeAll(async () => fixture.open(await create()))
    afterAll(() => fixture.close())
    beforeEach(() => fixture.reset())
    taskContract(fixture)
    changeContract(fixture)
    readingContract(fixture)
    applyContract(fixture)
    modelContract(fixture, options.runs ?? 100)
  })
}
