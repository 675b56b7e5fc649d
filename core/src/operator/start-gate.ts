/** Tells the sources of a task whether they may begin: something that comes before them has ended, at all tasks. */
export class StartGate {
  readonly #open = new Set<number>()

  isOpen(index: number): boolean {
    return this.#open.has(index)
  }

  /** Of the task with this index. */
  open(index: number): void {
    this.#open.add(index)
  }

  /** For a task that starts, maybe not for the first time. */
  close(index: number): void {
    this.#open.delete(index)
  }
}
