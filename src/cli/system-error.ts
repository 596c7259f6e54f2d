/**
 * Sentences for errors of the operating system: what was tried, on what, and why it failed.
 *
 * Where the code knows what to do about one it throws an `OperatingError` itself; this is for all
 * others, so that no user sees a stack for a full disk or a wrong path.
 */
import { OperatingError } from '../base/errors.ts'

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EROFS: 'it is on a file system that cannot be written',
  ENOSPC: 'there is no space left',
  EDQUOT: 'the quota is used up',
  ENOENT: 'a part of the path is not there',
  ENOTDIR: 'a part of the path is a file, not a directory',
  EEXIST: 'there is a file of that name',
  EISDIR: 'it is a directory',
  ENOTEMPTY: 'it is not empty',
  ELOOP: 'symbolic links lead back to themselves',
  ENAMETOOLONG: 'the name is too long',
  EMFILE: 'this process may open no more files (ulimit -n)',
  ENFILE: 'this machine may open no more files',
  EIO: 'the device failed',
  EFBIG: 'the file would be too large',
  EPIPE: 'the reader has closed it',
  EADDRNOTAVAIL: 'this machine has no such address',
  EADDRINUSE: 'another program uses it',
  ENOTFOUND: 'no such host is known',
  EAI_AGAIN: 'no name server answered',
}

const TRIED: Readonly<Record<string, string>> = {
  mkdir: 'make',
  open: 'open',
  scandir: 'list',
  rename: 'rename',
  unlink: 'remove',
  write: 'write',
  fsync: 'sync',
  fdatasync: 'sync',
  ftruncate: 'cut',
  listen: 'listen at',
  getaddrinfo: 'look up',
}

/** The error as one with a sentence; undefined if the system did not raise it. */
export function systemError(error: unknown): OperatingError | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, syscall, path, address, port, hostname } = error as NodeJS.ErrnoException & {
    readonly address?: string
    readonly port?: number
    readonly hostname?: string
  }
  if (typeof code !== 'string' || typeof syscall !== 'string') return undefined
  const place = address === undefined ? hostname : `${address}:${port}`
  const what = [TRIED[syscall] ?? syscall, path ?? place].filter((part) => part !== undefined)
  // Making a directory with its parents, Node.js reports so that it may not write there.
  const isUnwritable = syscall === 'mkdir' && code === 'ENOENT'
  const reason = isUnwritable ? REASONS['EROFS'] : (REASONS[code] ?? 'the system refuses')
  const sentence = `cannot ${what.join(' ')}: ${reason} (${code})`
  return new OperatingError('system-failed', sentence, { cause: error })
}
