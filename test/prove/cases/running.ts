/** Cases beside processes that run: a second one on the same data, port or folder, and no token. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Ended, everwrite, ServedCluster } from '../../support/served-cluster.ts'
import { Running } from '../command/running.ts'
import { type Case, wrongUnless } from './case.ts'

const TOKEN = 'the token of clients'
const START_MS_MAX = 20_000

export function runningCases(directory: string): readonly Case[] {
  return [
    {
      line: 'A6',
      what: 'rm d/lock, and a second process on the data',
      run: () => beside(lockRemoved),
    },
    { line: 'B1', what: 'an address that is taken', run: () => beside(addressTaken) },
    { line: 'B1', what: 'no token where one is needed', run: () => beside(noToken) },
    { line: 'B1', what: 'two dev in one folder', run: () => twoDev(join(directory, 'dev')) },
  ]
}

async function beside(
  check: (cluster: ServedCluster) => Promise<string | undefined>,
): Promise<string | undefined> {
  const cluster = await ServedCluster.start({ nodes: 1, token: TOKEN })
  try {
    return await check(cluster)
  } finally {
    await cluster.stop()
  }
}

async function lockRemoved(cluster: ServedCluster): Promise<string | undefined> {
  rmSync(join(cluster.data(0), 'lock'), { force: true })
  return refused(await serve(cluster, cluster.data(0)), 'data-locked')
}

async function addressTaken(cluster: ServedCluster): Promise<string | undefined> {
  return refused(await serve(cluster, `${cluster.data(0)}-other`), 'address-taken')
}

async function noToken(cluster: ServedCluster): Promise<string | undefined> {
  return refused(await everwrite(['get', 'b', 'k', '--seeds', ...cluster.seeds]), 'token-wrong')
}

/** The same node once more, on `data`. */
function serve(cluster: ServedCluster, data: string): Promise<Ended> {
  const argv = ['serve', '--config', cluster.config, '--name', 'node-1', '--data', data]
  return everwrite(argv, { limitMs: START_MS_MAX })
}

async function twoDev(folder: string): Promise<string | undefined> {
  const first = await Running.start(folder)
  try {
    const second = await everwrite(['dev', '--data', folder], { limitMs: START_MS_MAX })
    const wrong = refused(second, 'data-locked')
    const lines = second.stderr.trim().split('\n').length
    return wrong ?? wrongUnless(lines <= 2, `more than a sentence: ${second.stderr}`)
  } finally {
    await first.stop()
  }
}

function refused({ code, stderr }: Ended, name: string): string | undefined {
  const isSentence = stderr.includes(`(${name})`) && !stderr.includes('    at ')
  return wrongUnless((code === 2 || code === 3) && isSentence, `exit ${code}: ${stderr}`)
}
