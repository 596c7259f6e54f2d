/**
 * The machine's sockets, through Node's `net`: implements `world/network`.
 *
 * Nagle's algorithm is off, because the writer of frames batches already. TCP keep-alive ends the
 * connection to a machine that has gone silently.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { OperatingError } from '../base/errors.ts'
import {
  addressLabel,
  type Address,
  type Connection,
  type ConnectionEvents,
  type Listener,
  type Network,
} from '../world/network.ts'

const KEEP_ALIVE_MS = 15_000
const BACKLOG = 1024
const SOCKET_OPTIONS = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }

class SocketConnection implements Connection {
  readonly remote: Address
  readonly #socket: Socket
  #events: ConnectionEvents | undefined
  /** Bytes were not taken at once: their writer waits to hear of it. */
  #isBehind = false
  #isClosed = false
  #error: Error | undefined

  constructor(socket: Socket, remote: Address) {
    this.#socket = socket
    this.remote = remote
    socket.on('error', (error) => {
      this.#error = error
    })
    socket.on('close', () => this.#onClose())
  }

  get unsentBytes(): number {
    return this.#isClosed ? 0 : this.#socket.writableLength
  }

  listen(events: ConnectionEvents): void {
    this.#events = events
    this.#socket.on('data', (chunk: Buffer) => {
      // A plain view: the `slice` of a Buffer shares its bytes, that of a Uint8Array copies.
      events.onData(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length))
    })
    if (this.#isClosed) setImmediate(() => events.onClose(this.#error))
  }

  write(bytes: Uint8Array): void {
    if (!this.#socket.writable || bytes.length === 0) return
    this.#socket.write(bytes, this.#onWritten)
    if (this.#socket.writableLength > 0) this.#isBehind = true
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  readonly #onWritten = (): void => {
    if (!this.#isBehind || this.#socket.destroyed) return
    this.#isBehind = this.#socket.writableLength > 0
    this.#events?.onSent()
  }

  #onClose(): void {
    this.#isClosed = true
    this.#events?.onClose(this.#error)
  }
}

export const hostNetwork: Network = {
  listen: (address, onConnection) =>
    new Promise((resolve, reject) => {
      const options = { ...SOCKET_OPTIONS, allowHalfOpen: false }
      const server = createServer(options, (socket) => accept(socket, onConnection))
      const onFailure = (error: NodeJS.ErrnoException): void => reject(listenError(address, error))
      server.once('error', onFailure)
      server.listen({ ...address, backlog: BACKLOG, exclusive: true }, () => {
        server.off('error', onFailure)
        // One connection could not be accepted (no descriptor left, say); the next may be.
        server.on('error', () => undefined)
        resolve(listenerOf(server))
      })
    }),

  connect: (address, timeoutMs, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(cancelError(address))
        return
      }
      const socket = createConnection({ ...address, ...SOCKET_OPTIONS, allowHalfOpen: false })
      const stopWaiting = (): void => {
        clearTimeout(timeout)
        signal?.removeEventListener('abort', onAbort)
      }
      const fail = (error: Error): void => {
        stopWaiting()
        socket.on('error', () => undefined)
        socket.destroy()
        reject(error)
      }
      const onAbort = (): void => fail(cancelError(address))
      const timeout = setTimeout(() => fail(timeoutError(address)), Math.ceil(timeoutMs))
      signal?.addEventListener('abort', onAbort)
      socket.once('error', fail)
      socket.once('connect', () => {
        stopWaiting()
        socket.off('error', fail)
        resolve(new SocketConnection(socket, address))
      })
    }),
}

function accept(socket: Socket, onConnection: (connection: Connection) => void): void {
  const { remoteAddress, remotePort } = socket
  if (remoteAddress === undefined || remotePort === undefined) {
    // It closed before this callback.
    socket.on('error', () => undefined)
    socket.destroy()
    return
  }
  const host = remoteAddress.replace(/^::ffff:/, '')
  onConnection(new SocketConnection(socket, { host, port: remotePort }))
}

function listenerOf(server: Server): Listener {
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('the listener has no address')
  return {
    address: { host: bound.address, port: bound.port },
    // Not the server's own callback: that one waits for the last connection to end.
    close: () =>
      new Promise((resolve) => {
        server.close()
        setImmediate(resolve)
      }),
  }
}

function listenError(address: Address, error: NodeJS.ErrnoException): Error {
  const label = addressLabel(address)
  if (error.code === 'EADDRINUSE') {
    const message = `${label} is in use by another program`
    return new OperatingError('address-taken', message, { cause: error })
  }
  const reason = LISTEN_REASONS[error.code ?? '']
  if (reason === undefined) return error
  return new OperatingError('address-wrong', `cannot listen at ${label}: ${reason}`, {
    cause: error,
  })
}

const LISTEN_REASONS: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'this machine has no such address; 0.0.0.0 and :: stand for all that it has',
  ENOTFOUND: 'no such host is known',
  EAI_AGAIN: 'no name server answered',
  EACCES: 'this user may not use that port: choose one above 1023',
}

function timeoutError(address: Address): Error {
  const error = new Error(`ETIMEDOUT: no answer from ${addressLabel(address)}`)
  return Object.assign(error, { code: 'ETIMEDOUT' })
}

function cancelError(address: Address): Error {
  const error = new Error(`ECANCELED: the connect to ${addressLabel(address)} was aborted`)
  return Object.assign(error, { code: 'ECANCELED' })
}
