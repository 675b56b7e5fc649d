/** One sentence of a contract, and how to check it with any test runner. */
export interface ContractCase {
  readonly name: string
  /** Rejects with an AssertionError that says what was expected. */
  check(): Promise<void>
}
