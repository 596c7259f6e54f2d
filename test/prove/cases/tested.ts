/** Cases that a named test shows, in the simulator or beside it. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Case, TestedRow } from './case.ts'
import { TESTED_WIRE } from './tested-wire.ts'

const TESTED: readonly TestedRow[] = [
  [
    'A1',
    'a put in doubt rots, is mended away, and is repeated',
    'unit/node/replica/replica',
    'Q6: a repeated request is written again if its write rotted away',
  ],
  [
    'A2',
    'replace: seen handed on to a paused owner, then to the next',
    'unit/node/coordinator/forward',
    'a put of all seen reads once, and a late owner replaces nothing newer',
  ],
  [
    'A3',
    'the first owner hangs, the next takes the repeat, the value is replaced, the first wakes',
    'unit/node/updates',
    'a put that another owner took stays replaced when the first owner wakes',
  ],
  [
    'A3',
    'the same where the value is deleted',
    'unit/node/updates',
    'a put that another owner took stays deleted when the first owner wakes',
  ],
  [
    'A3',
    'the same through a node that does not own the key',
    'unit/node/coordinator/forward',
    'what two owners took and a client replaced does not come back',
  ],
  [
    'A4',
    '21 acknowledged, idle for five minutes, the power goes, one bit rots',
    'unit/store/log/recovery',
    'one rotten bit in the last group before a crash costs one record',
  ],
  [
    'A4',
    'any unsynced batches are kept by a crash',
    'unit/store/log/history',
    'a crash takes nothing that was synced, and of the rest whole batches',
  ],
  [
    'A5',
    'a segment removed, cut at a record, zeroed from one, blank',
    'unit/store/log/missing',
    'durable records that are missing are told, at this start and at later ones',
  ],
  [
    'A7',
    'writing a key or a configuration fails half-way',
    'unit/cli/whole-file',
    'a failed write leaves the old content',
  ],
  [
    'A8',
    'a scan meets rotten copies',
    'unit/node/coordinator/scan',
    'S5: an owner whose copy has rotted did not look, and the scan mends it',
  ],
  [
    'A9',
    'a write over a rotten copy',
    'unit/node/background/mender',
    'a write over a rotten copy mends it first',
  ],
  [
    'A10',
    'other partitions than the data was written under',
    'unit/store/identity',
    'other partitions and another N are refused, and nothing is changed',
  ],
  [
    'A10',
    'nodes whose rings differ',
    'unit/node/cluster/rings',
    'another list of members is told once, with what differs, and tried seldom',
  ],
  [
    'A11',
    'an owner with an emptied directory, the other that wrote is away',
    'unit/node/background/rebuilder',
    'an emptied node does not answer "nothing here", and gets everything back',
  ],
  [
    'A12',
    'text with half a surrogate pair, in the library',
    'unit/client/bucket',
    'a name or text with a surrogate that has no pair is refused',
  ],
  [
    'A13',
    'a large value of bytes in base64',
    'unit/cli/data/record',
    'a large value of bytes comes back as it was',
  ],
  [
    'A15',
    'a put with w = 1 with one node of three left',
    'unit/node/coordinator/get',
    'a put of what it saw goes on with one node of three left, and says so',
  ],
  [
    'B2',
    'the first byte of a node, with little space',
    'unit/store/log/full-disk',
    'a log needs little space for its first byte, and its segments grow',
  ],
  [
    'B2',
    'a delete on a full disk',
    'unit/store/log/full-disk',
    'a full disk refuses puts and takes deletes, as long as its reserve lasts',
  ],
  [
    'B2',
    'a start on a full disk after a power cut',
    'unit/store/log/full-disk',
    'after a power cut on a full disk a start keeps all, or says what it lacks',
  ],
  [
    'B2',
    'statfs fails',
    'unit/store/log/full-disk',
    'a disk that does not say how much is free is tried without',
  ],
  [
    'B2',
    'more segments than the process may open files',
    'unit/store/log/many-segments',
    'a process that may open few files has a log of many segments',
  ],
  [
    'B2',
    'EMFILE',
    'unit/store/log/many-segments',
    'a process that may open no more files is not rot and no full disk',
  ],
  [
    'B3',
    'a put whose owner has no room for another range',
    'unit/node/coordinator/context-full',
    'a client that reaches one owner alone, which has no line, can write',
  ],
  [
    'B4',
    'log lines that are not read',
    'unit/host/line-output',
    'lines that are not read wait up to a bound; more are counted',
  ],
  [
    'B5',
    'memory with bytes of an earlier use',
    'sim/poison',
    'no poison is in a frame or a file, and none changes what is done',
  ],
]

const ROOT = new URL('../../', import.meta.url)
const output = new Map<string, Promise<string>>()

export const TESTED_CASES: readonly Case[] = [...TESTED, ...TESTED_WIRE].map(
  ([line, what, file, test]) => ({
    line,
    what,
    run: async () => {
      const tap = await (output.get(file) ?? outputOf(file))
      const name = test.replaceAll('#', '\\#')
      const isOk = tap.split('\n').some((row) => /^ok \d+ - /.test(row) && row.includes(name))
      return isOk ? undefined : `the test "${test}" does not pass`
    },
  }),
)

/** The test's own output; each file runs once. */
function outputOf(file: string): Promise<string> {
  const path = fileURLToPath(new URL(`${file}.test.js`, ROOT))
  const running = new Promise<string>((resolve, reject) => {
    const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'ignore'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    child.once('error', reject)
    child.once('close', () => resolve(text))
  })
  output.set(file, running)
  return running
}
