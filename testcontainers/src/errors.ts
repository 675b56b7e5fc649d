/** The stable codes of {@link ServerError}. A code never changes its meaning. */
export type ServerErrorCode =
  /** An option or an environment variable holds something that cannot be used. */
  | 'OPTION_INVALID'
  /** None of the providers can start such a server on this machine. */
  | 'NO_PROVIDER'
  /** Java, Maven or a server's files are missing and could not be fetched. */
  | 'SERVER_UNAVAILABLE'
  /** The server ended or stayed silent while it was starting; the message holds the end of its log. */
  | 'SERVER_START_FAILED'
  /** A running server refused a request, or did not answer in time. */
  | 'REQUEST_FAILED'
  /** The server belongs to somebody else (it came from the environment), so it cannot be stopped or paused. */
  | 'NOT_OURS'
  /** The server was stopped for good, and its data is gone. */
  | 'STOPPED'

/** Every error of this package. Recognise the situation by `code`; the message says what to do. */
export class ServerError extends Error {
  readonly code: ServerErrorCode

  constructor(code: ServerErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = 'ServerError'
    this.code = code
  }
}
