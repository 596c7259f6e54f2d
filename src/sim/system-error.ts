/** Make the errors of system calls: with a `code` such as ENOSPC and the name of the call. */

const MESSAGES: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'address not available',
  EBADF: 'bad file descriptor',
  ECANCELED: 'operation canceled',
  ECONNABORTED: 'software caused connection abort',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  EEXIST: 'file already exists',
  EIO: 'i/o error',
  EMFILE: 'too many open files',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTFOUND: 'no such host',
  ETIMEDOUT: 'connection timed out',
}

export interface SystemFailure extends Error {
  readonly code: string
  readonly syscall: string
}

export function systemFailure(code: string, syscall: string): SystemFailure {
  const error = new Error(`${code}: ${MESSAGES[code] ?? 'failed'}, ${syscall}`)
  return Object.assign(error, { code, syscall })
}
