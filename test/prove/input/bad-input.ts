/**
 * Shows what wrong input gets: its code, and nothing else happens.
 *
 * First a table: each kind of wrong frame, handshake, message, context, option, command line and
 * configuration is sent to real nodes and processes, and must get the code that the protocol's
 * page gives it. Then a flood: mutated frames on many connections, while clients that keep the
 * rules go on being served. `--frames N` how many (100,000), `--seed S` of the mutations (drawn if
 * not given), `--only GROUP` runs one group of the table and no flood.
 */
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connect } from '../../../src/index.ts'
import { ServedCluster } from '../../support/served-cluster.ts'
import { flood } from './flood.ts'
import { commandRows, configRows, optionRows } from './local.ts'
import { joinerRows } from './joiner.ts'
import { contextRows, messageRows, peerMessageRows } from './message.ts'
import { bucketRows } from './buckets.ts'
import { operatorRows } from './operator.ts'
import { receiptRows } from './receipt.ts'
import { type Lab, OTHER_CLUSTER, OTHER_TOKEN, type Row, SINGLE } from './row.ts'
import { chunkRows, frameRows, handshakeRows, peerRows } from './wire.ts'
import type { Proof, Verdict } from '../proof.ts'

export const proof: Proof = {
  name: 'bad-input',
  shows: 'each wrong input gets its code; 100,000 mutated frames harm no other request',
  usage: '[--frames N] [--seed S] [--only GROUP]',
  run: async (args) => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        frames: { type: 'string', default: '100000' },
        seed: { type: 'string', default: String(randomInt(2 ** 32)) },
        only: { type: 'string' },
      },
    })
    const { frames, seed, only } = values
    const say = (line: string): void => console.log(line)
    return badInput({ frames: Number(frames), seed: Number(seed), only, say })
  },
}

export interface BadInputOptions {
  readonly frames: number
  readonly seed: number
  readonly only?: string | undefined
  readonly say: (line: string) => void
}

/** Rows at once: those on sockets mostly wait, those that start processes do not. */
const ON_SOCKETS = 24
const IN_PROCESSES = 2

export async function badInput(options: BadInputOptions): Promise<Verdict> {
  const directory = mkdtempSync(join(tmpdir(), 'everwrite-'))
  const clusters: ServedCluster[] = []
  try {
    const cluster = await ServedCluster.start({ nodes: 3, buckets: [SINGLE] })
    clusters.push(cluster)
    const solo = { nodes: 1, cluster: OTHER_CLUSTER, token: OTHER_TOKEN }
    const other = await ServedCluster.start(solo)
    clusters.push(other)
    await using client = await connect({ seeds: cluster.seeds })
    const table = await tryTable({ cluster, other, client, directory }, options)
    if (options.only !== undefined) return table
    await client.close()
    const flooded = await flood(options)
    return {
      isMet: table.isMet && flooded.isMet,
      figure: `${table.figure}; ${flooded.figure}`,
    }
  } finally {
    await Promise.all(clusters.map((cluster) => cluster.stop()))
    rmSync(directory, { recursive: true, force: true })
  }
}

async function tryTable(lab: Lab, options: BadInputOptions): Promise<Verdict> {
  const { only, say } = options
  const began = performance.now()
  const pids = pidsOf(lab)
  const onSockets = [
    ...[...frameRows(lab), ...chunkRows(lab), ...handshakeRows(lab), ...peerRows(lab)],
    ...[
      ...messageRows(lab),
      ...peerMessageRows(lab),
      ...contextRows(lab),
      ...receiptRows(lab),
      ...joinerRows(lab),
      ...operatorRows(lab),
      ...bucketRows(lab),
      ...optionRows(lab),
    ],
  ]
  const inProcesses = [...commandRows(lab), ...configRows(lab)]
  const chosen = (rows: readonly Row[]): readonly Row[] =>
    rows.filter(({ group }) => only === undefined || only.split(',').includes(group))
  const all = [chosen(onSockets), chosen(inProcesses)] as const
  const [first, second] = await Promise.all([
    judge(all[0], ON_SOCKETS),
    judge(all[1], IN_PROCESSES),
  ])
  const results = [...first, ...second]
  for (const { row, got } of results) {
    const { group, given, expected } = row
    const isRight = got === expected
    say(
      `${isRight ? 'ok   ' : 'WRONG'} ${group.padEnd(10)} ${given.padEnd(40)} ` +
        `${expected.padEnd(26)}${isRight ? '' : ` got ${got}`}`,
    )
  }
  const right = results.filter(({ row, got }) => row.expected === got).length
  const isUp = pidsOf(lab) === pids
  if (!isUp) say('a node has ended')
  const seconds = ((performance.now() - began) / 1000).toFixed(0)
  return {
    isMet: right === results.length && results.length > 0 && isUp,
    figure:
      `${right} of ${results.length} kinds of wrong input got their code (bar: all), ` +
      `${seconds} s`,
  }
}

function pidsOf({ cluster, other }: Lab): string {
  const pids = cluster.members.map((_, node) => cluster.pid(node))
  return [...pids, other.pid(0)].join()
}

interface Result {
  readonly row: Row
  readonly got: string
}

/** Tries all rows, `width` at once; the results in the order of the rows. */
async function judge(rows: readonly Row[], width: number): Promise<readonly Result[]> {
  const results: Result[] = []
  let next = 0
  const work = async (): Promise<void> => {
    while (next < rows.length) {
      const at = next++
      const row = rows[at] as Row
      results[at] = {
        row,
        got: await row.got().catch((error: unknown) => `thrown: ${String(error)}`),
      }
    }
  }
  await Promise.all(Array.from({ length: width }, work))
  return results
}
