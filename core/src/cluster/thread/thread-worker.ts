import { Worker as NodeWorker } from 'node:worker_threads'
import { fromWire, OptionError, StreamError } from '../../errors.ts'
import type { Logger } from '../../metrics/logger.ts'
import type { WorkerEvent, WorkerStatus } from '../status.ts'
import type { WorkerOutcome } from '../worker.ts'
import type { WorkerHandle } from '../worker-handle.ts'
import type { FromThread, ThreadStart, ToThread } from './messages.ts'

/** A slot on a thread of its own: the same worker, told by messages. */
export class ThreadWorker implements WorkerHandle {
  readonly #start: ThreadStart
  readonly #logger: Logger
  readonly #onEvent: (event: WorkerEvent) => void
  readonly #done = Promise.withResolvers<WorkerOutcome>()
  readonly #ready = Promise.withResolvers<void>()
  #thread: NodeWorker | null = null
  #status: WorkerStatus
  #metrics = ''
  #held: PromiseWithResolvers<void> | null = null

  constructor(start: ThreadStart, logger: Logger, onEvent: (event: WorkerEvent) => void) {
    this.#start = start
    this.#logger = logger
    this.#onEvent = onEvent
    this.#status = {
      state: 'starting',
      reason: null,
      memberId: null,
      graphHash: start.graphHash,
      members: 0,
      restarts: 0,
      totals: { recordsIn: 0, recordsOut: 0, epochs: 0 },
      tasks: [],
    }
    // Failures are delivered through `done`; the other promise alone must not end the process.
    this.#done.promise.catch(() => {})
    this.#ready.promise.catch(() => {})
  }

  get done(): Promise<WorkerOutcome> {
    return this.#done.promise
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  async start(): Promise<void> {
    // From source the entry is a .ts file that needs the condition under which sister packages resolve to their sources.
    const isSource = import.meta.url.endsWith('.ts')
    const entry = new URL(isSource ? './entry.ts' : './entry.js', import.meta.url)
    try {
      this.#thread = new NodeWorker(entry, {
        workerData: this.#start,
        execArgv: isSource ? ['--conditions=@millrace/source'] : [],
      })
    } catch (cause) {
      throw new OptionError(
        'The options of the run cannot be given to worker threads: they hold functions or live objects. ' +
          'Use plain data for the log and the state backend, or slots: 1 and more processes.',
        { cause },
      )
    }
    this.#thread.on('message', (message: FromThread) => this.#onMessage(message))
    this.#thread.on('error', (error) =>
      this.#fail(
        new StreamError('WORKER_FAILED', `Worker thread ${this.#start.slot} failed: ${error.message}`, {
          cause: error,
        }),
      ),
    )
    this.#thread.on('exit', (code) => {
      if (code !== 0)
        this.#fail(new StreamError('WORKER_FAILED', `Worker thread ${this.#start.slot} ended with code ${code}.`))
    })
  }

  async stop(): Promise<void> {
    this.#tell('stop')
    await this.#done.promise
  }

  async hold(): Promise<void> {
    this.#held = Promise.withResolvers<void>()
    this.#tell('hold')
    await Promise.race([this.#held.promise, this.#done.promise])
  }

  release(): void {
    this.#tell('release')
  }

  drain(): void {
    this.#tell('drain')
  }

  status(): WorkerStatus {
    return this.#status
  }

  /** What is on another thread is read from the backend. */
  peek(): undefined {
    return undefined
  }

  metricsText(): string {
    return this.#metrics
  }

  #tell(kind: ToThread['kind']): void {
    const message: ToThread = { kind }
    this.#thread?.postMessage(message)
  }

  #onMessage(message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        this.#ready.resolve()
        break
      case 'held':
        this.#held?.resolve()
        break
      case 'status':
        this.#status = message.status
        this.#metrics = message.metrics
        break
      case 'event':
        this.#onEvent(message.event)
        break
      case 'log':
        this.#logger[message.level](message.fields, message.message)
        break
      case 'done':
        this.#done.resolve(message.outcome)
        break
      case 'failed':
        this.#fail(fromWire(message.error))
        break
    }
  }

  #fail(error: StreamError): void {
    this.#status = { ...this.#status, state: 'failed', reason: error.message }
    this.#ready.reject(error)
    this.#done.reject(error)
  }
}
