/** `everwrite cluster invite`, and nodes that join a cluster by `everwrite serve --join`. */
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Invitation, readInvitation } from '../../../src/wire/invitation.ts'
import {
  CLUSTER_KEY_HEX,
  everwrite,
  type Ended,
  ServedCluster,
} from '../../support/served-cluster.ts'
import { until } from './running.ts'

const LIMIT_MS = 180_000
const TOKEN = 'open sesame'
/** How `status` shows a node that has joined. */
const SEEN = 'member node-4: joined, alive, without partitions, as node-1, node-2, node-3, node-4'

t.setTimeout(2 * LIMIT_MS)

function command(...argv: readonly string[]): Promise<Ended> {
  return everwrite(argv, { limitMs: 60_000 })
}

/** A cluster with a token, and what its operator does. */
class Operated {
  readonly cluster: ServedCluster
  readonly #directory: string

  private constructor(cluster: ServedCluster, directory: string) {
    this.cluster = cluster
    this.#directory = directory
  }

  static async start(t: Test, nodes: number): Promise<Operated> {
    const cluster = await ServedCluster.start({ nodes, token: TOKEN })
    t.teardown(() => cluster.stop())
    const directory = t.testdir({ token: TOKEN })
    chmodSync(join(directory, 'token'), 0o600)
    return new Operated(cluster, directory)
  }

  get file(): string {
    return join(this.#directory, 'invitation')
  }

  /** A command that asks one node. */
  ask(node: number, ...argv: readonly string[]): Promise<Ended> {
    const seeds = this.cluster.seeds[node] as string
    return command(...argv, '--seeds', seeds, '--token-file', join(this.#directory, 'token'))
  }

  /** Writes an invitation of a node to the file. */
  async invite(node: number): Promise<Invitation> {
    const { stdout } = await this.ask(node, 'cluster', 'invite')
    this.write(stdout)
    return readInvitation(stdout)
  }

  write(invitation: string): void {
    writeFileSync(this.file, invitation, { mode: 0o600 })
  }

  /** The options of a node that joins at another one. */
  joining(at: number): readonly string[] {
    const { host, port } = this.cluster.peerAddress(at)
    return ['--join', `${host}:${port}`, '--invitation', this.file]
  }
}

t.test('an operator invites a node, which joins and stays', { timeout: LIMIT_MS }, async (t) => {
  const operated = await Operated.start(t, 3)
  const { cluster } = operated
  const refused = await command('cluster', 'invite', '--seeds', cluster.seeds.join(','))
  t.equal(refused.code, 3, 'without the token')
  t.match(refused.stderr, /\(token-wrong\)/)
  t.equal(refused.stdout, '')
  const { host, port } = cluster.peerAddress(0)
  const issued = await operated.ask(0, 'cluster', 'invite')
  t.equal(issued.code, 0, issued.stderr)
  t.match(issued.stdout, /^everwrite-invitation\.[\w-]+\n$/, 'the invitation alone')
  t.match(issued.stderr, new RegExp(`once, within 10 minutes.*\\n.*--join ${host}:${port} `))
  operated.write(issued.stdout)

  const node = await cluster.add()
  await cluster.startNode(node, ...operated.joining(0))
  t.match(cluster.log(node), /node-4 has joined served as member [0-9a-f]{16}/)
  t.match(readFileSync(join(cluster.data(node), 'keys'), 'utf8'), CLUSTER_KEY_HEX)
  await Promise.all(cluster.members.map((_, i) => cluster.sees(i)))
  for (const [i] of cluster.members.entries()) {
    let status: Ended = { code: null, stdout: '', stderr: '' }
    // A member that a busy machine held up for half a second is suspected, and refutes it.
    await until(
      async () => {
        status = await operated.ask(i, 'status')
        return status.stdout.includes(SEEN)
      },
      () => `asked at node-${i + 1}: ${status.stdout}${status.stderr}`,
    )
    t.equal(status.code, 0, status.stdout + status.stderr)
  }
  t.equal((await operated.ask(node, 'put', 'carts', 'anna', 'tea')).code, 0)
  t.match((await operated.ask(1, 'get', 'carts', 'anna')).stdout, /tea/)
  t.equal((await operated.ask(2, 'put', 'carts', 'bob', 'milk')).code, 0)
  t.match((await operated.ask(node, 'get', 'carts', 'bob')).stdout, /milk/)

  const [, id] = /\nnode (\w+)\n/.exec(readFileSync(join(cluster.data(node), 'join'), 'utf8')) ?? []
  const checked = await command(...cluster.serving(node, '--check'))
  t.equal(checked.code, 0, checked.stderr)
  await cluster.killNode(node)
  await cluster.startNode(node)
  await cluster.sees(node)
  t.match(readFileSync(join(cluster.data(node), 'identity'), 'utf8'), `\nnode ${id}\n`)
  await cluster.stopNode(node)
  rmSync(operated.file)
  await cluster.startNode(node, ...operated.joining(0))
  t.match(cluster.log(node), /node-4 is a member of served already: it starts as such/)
  await cluster.sees(0)
})

t.test('what may not join is told why', { timeout: LIMIT_MS }, async (t) => {
  const operated = await Operated.start(t, 2)
  const { cluster } = operated
  const say = async (node: number, code: number, sentence: RegExp): Promise<void> => {
    const ended = await command(...cluster.serving(node, ...operated.joining(0)))
    t.equal(ended.code, code, ended.stderr)
    t.match(ended.stderr, sentence)
    t.equal(ended.stdout, '')
  }
  const first = await operated.invite(0)
  const text = readFileSync(operated.file, 'utf8')
  const node = await cluster.add()
  operated.write(text.slice(0, -9))
  await say(node, 2, /the invitation was cut or mistyped.*\(invitation-wrong\)/)
  t.notOk(existsSync(join(cluster.data(node), 'join')), 'nothing was asked yet')
  await operated.invite(1)
  await say(node, 2, /issued no such invitation.*issued by node \w+ at .*\(invitation-wrong\)/)
  const begun = readFileSync(join(cluster.data(node), 'join'), 'utf8')
  t.match(begun, /^everwrite join 1\ncluster "served"\nnode [0-9a-f]{16}\n/)
  const alone = await command(...cluster.serving(node))
  t.match(alone.stderr, /has begun to join served and was not let in: start it with --join/)
  const many = await cluster.add({ partitions: 512 })
  operated.write(text)
  await say(many, 3, /has 256 partitions.*configured for 512.*\(ring-differs\)/)
  const copies = await cluster.add({ n: 3 })
  await say(copies, 3, /keeps 2 copies of a key.*configured for 3.*\(ring-differs\)/)
  await cluster.startNode(node, ...operated.joining(0))
  await cluster.sees(node)
  await say(many, 2, /was used by another node.*\(invitation-wrong\)/)
  t.equal(first.cluster, 'served')

  await cluster.stopNode(0)
  await cluster.startNode(0, '--join', '127.0.0.1:1', '--invitation', 'nowhere')
  t.match(cluster.log(0), /node-1 is a member of served already: it starts as such/)
  await operated.invite(0)
  const other = await ServedCluster.start({ nodes: 1, cluster: 'other' })
  t.teardown(() => other.stop())
  const foreign = await other.add()
  const joining = await command(...other.serving(foreign, ...operated.joining(0)))
  t.match(joining.stderr, /of cluster "served", and this node is configured for "other"/)
})
