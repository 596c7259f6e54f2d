/**
 * The network that a node may use, and the faults of its connections.
 *
 * Within a connection bytes arrive in order, cut at arbitrary places, or not at all. A connection
 * may be refused, reset, stall, die for one direction, or die after an unknown part of what was
 * written has arrived. Only an answer tells the writer that its bytes have arrived.
 */

export interface Address {
  readonly host: string
  /** 1 to 65,535; 0 asks a listener to choose. */
  readonly port: number
}

export function addressLabel(address: Address): string {
  return address.host.includes(':')
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`
}

export interface ConnectionEvents {
  /**
   * Bytes as they came. The receiver may keep `chunk` as long as it likes, and must not change it.
   */
  onData(chunk: Uint8Array): void
  /** The system has taken some of the unsent bytes, or all. */
  onSent(): void
  /** Once, and nothing after it; `error` where it was not an orderly end. Never within a call. */
  onClose(error: Error | undefined): void
}

export interface Connection {
  /** The other side, as this side sees it. */
  readonly remote: Address
  /** Written and not yet taken by the system. */
  readonly unsentBytes: number
  /** To be called once, in the turn in which the connection was handed out. */
  listen(events: ConnectionEvents): void
  /** Takes `bytes` over: they must not change afterwards. A closed connection drops them. */
  write(bytes: Uint8Array): void
  /** Stops and resumes `onData`; a stop puts back-pressure on the other side. */
  pause(): void
  resume(): void
  /** Sends what was written, then closes. */
  end(): void
  /** Closes at once. */
  destroy(): void
}

export interface Listener {
  /** Where it really listens (the port chosen, where 0 was asked). */
  readonly address: Address
  /** Accepts no more; connections already accepted live on. */
  close(): Promise<void>
}

export interface Network {
  /** Fails with `address-taken` or the system's error. */
  listen(address: Address, onConnection: (connection: Connection) => void): Promise<Listener>
  /**
   * Fails with the system's error, with ETIMEDOUT when `timeoutMs` have passed, and with ECANCELED
   * when `signal` is aborted before the connection is open.
   */
  connect(address: Address, timeoutMs: number, signal?: AbortSignal): Promise<Connection>
}
