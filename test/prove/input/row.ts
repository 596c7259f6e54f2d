/** One kind of wrong input, what it must be told, and the places it is sent to. */
import type { Client } from '../../../src/client/client.ts'
import { isOperatingError } from '../../../src/base/errors.ts'
import type { ServedCluster } from '../../support/served-cluster.ts'

export interface Row {
  readonly group: string
  readonly given: string
  /** A code; a command's is `exit 2 CODE`, or `exit 2` where usage is shown. */
  readonly expected: string
  got(): Promise<string>
}

/** Where rows do their worst. */
export interface Lab {
  /** Three nodes without a token. */
  readonly cluster: ServedCluster
  /** One node of another cluster, with the same cluster key and a token for clients. */
  readonly other: ServedCluster
  /** A client of `cluster`. */
  readonly client: Client
  /** An empty directory for files. */
  readonly directory: string
}

/** A bucket of which each key has one owner. */
export const SINGLE = { name: 'single', n: 1, r: 1, w: 1 } as const

export const OTHER_CLUSTER = 'elsewhere'
export const OTHER_TOKEN = 'sesame'

/** The code that `work` fails with. */
export async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work()
    return 'taken'
  } catch (error) {
    return isOperatingError(error) ? error.code : `thrown: ${String(error)}`
  }
}

/** Rows of one group, given as `[given, expected, got]`. */
export function rowsOf(
  group: string,
  rows: readonly (readonly [string, string, () => Promise<string>])[],
): readonly Row[] {
  return rows.map(([given, expected, got]) => ({ group, given, expected, got }))
}
