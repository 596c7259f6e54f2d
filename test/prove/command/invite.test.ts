/** `everwrite cluster invite`, and what `everwrite serve --join` says where a node cannot join. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readInvitation } from '../../../src/wire/invitation.ts'
import { everwrite, type Ended, ServedCluster } from '../../support/served-cluster.ts'

const LIMIT_MS = 120_000
const TOKEN = 'open sesame'

t.test('an operator invites a node, and it asks to be let in', { timeout: LIMIT_MS }, async (t) => {
  const cluster = await ServedCluster.start({ nodes: 1, token: TOKEN })
  t.teardown(() => cluster.stop())
  const directory = t.testdir({ token: TOKEN })
  chmodSync(join(directory, 'token'), 0o600)
  const { host, port } = cluster.peerAddress(0)
  const seeds = cluster.seeds.join(',')
  const invite = (...argv: readonly string[]): Promise<Ended> =>
    everwrite(['cluster', 'invite', ...argv], { limitMs: 60_000 })

  const refused = await invite('--seeds', seeds)
  t.equal(refused.code, 3, 'without the token')
  t.match(refused.stderr, /\(token-wrong\)/)
  t.equal(refused.stdout, '')
  const issued = await invite('--at', seeds, '--token-file', join(directory, 'token'))
  t.equal(issued.code, 0, issued.stderr)
  t.match(issued.stdout, /^everwrite-invitation\.[\w-]+\n$/, 'the invitation alone')
  t.match(issued.stderr, new RegExp(`once, within 10 minutes.*\\n.*--join ${host}:${port} `))
  const invitation = readInvitation(issued.stdout)
  t.same([invitation.cluster, invitation.address], ['served', { host, port }])

  const file = join(directory, 'invitation')
  const config = join(directory, 'new.toml')
  const begun = join(directory, 'data', 'join')
  const own = '[[members]]\nname = "node-9"\nclient-port = 7998\npeer-port = 7999\n'
  writeFileSync(config, `cluster = "served"\nname = "node-9"\ndata = "data"\n${own}`)
  const joining = ['--join', `${host}:${port}`, '--invitation', file]
  const say = async (code: number, sentence: RegExp, argv = joining): Promise<void> => {
    const ended = await everwrite(['serve', '--config', config, ...argv], { limitMs: 60_000 })
    t.equal(ended.code, code, ended.stderr)
    t.match(ended.stderr, sentence)
    t.equal(ended.stdout, '')
  }
  writeFileSync(file, issued.stdout.slice(0, -9), { mode: 0o600 })
  await say(2, /the invitation was cut or mistyped.*\(invitation-wrong\)/)
  t.notOk(existsSync(begun), 'nothing was asked yet')
  writeFileSync(file, issued.stdout)
  await say(3, /node-9 cannot join: the members of this cluster are those.*\(not-a-member\)/)
  t.match(readFileSync(begun, 'utf8'), /^everwrite join 1\ncluster "served"\nnode [0-9a-f]{16}\n/)
  await say(3, /has begun to join served and was not let in: start it with --join/, [])

  await cluster.stopNode(0)
  await cluster.startNode(0, '--join', '127.0.0.1:1', '--invitation', 'nowhere')
  t.match(cluster.log(0), /node-1 is a member of served already: it starts as such/)
})
