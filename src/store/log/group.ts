/** A group: the records that one write and one sync make durable, and who waits for them. */

/** Consecutive bytes of one segment that one write and one sync make durable. */
export class Group {
  readonly segment: number
  /** The segment is to have at least so many. */
  readonly segmentBytes: number
  readonly from: number
  /** When its first record was appended. */
  readonly beganMs: number
  to: number
  last = 0
  #done: Deferred | undefined

  constructor(segment: number, segmentBytes: number, from: number, beganMs: number) {
    this.segment = segment
    this.segmentBytes = segmentBytes
    this.from = from
    this.to = from
    this.beganMs = beganMs
  }

  /** One promise, shared by all appends of the group. */
  get done(): Promise<void> {
    this.#done ??= deferred()
    return this.#done.promise
  }

  resolve(): void {
    this.#done?.resolve()
  }

  reject(error: Error): void {
    this.#done?.reject(error)
  }
}

interface Deferred {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

function deferred(): Deferred {
  let resolve!: () => void
  let reject!: (error: Error) => void
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
