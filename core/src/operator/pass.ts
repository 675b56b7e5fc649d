import { OneInputOperator } from './base-operator.ts'

/** Hands records on as they are: where a stream is spread over the tasks anew, behind the exchange. */
export class PassOperator<T> extends OneInputOperator<T, T> {
  onRecord(value: T, timestamp: number): void {
    this.out.onRecord(value, timestamp)
  }
}
