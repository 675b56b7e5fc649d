import { OneInputOperator } from '../base-operator.ts'

/** Where records leave a loop: outside there are no rounds. */
export class LoopExitOperator extends OneInputOperator<unknown, unknown> {
  onRecord(value: unknown, timestamp: number): void {
    this.out.onRecord(value, timestamp)
  }

  override onRound(): void {}
}
