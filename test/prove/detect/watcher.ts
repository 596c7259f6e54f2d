/**
 * Asks nodes again and again what they say of other members, and prints each change: a process of
 * its own, in the namespace from which the nodes can be reached.
 *
 * Arguments: the names of the members with commas, then `name=host:port` of each node to ask.
 */
import { isOperatingError } from '../../../src/base/errors.ts'
import { type Client, connect, type MemberSeen, type NodeStatus } from '../../../src/index.ts'

const EVERY_MS = 10
/** A node that tells nothing for longer may have told of a death meanwhile: the proof fails. */
const UNANSWERED_MS_MAX = 20_000

/** What one node says of another member from this moment on. */
export interface Change {
  readonly node: string
  readonly member: string
  readonly isConnected: boolean
  readonly life: MemberSeen['life'] | undefined
  /** Milliseconds since 1970. */
  readonly at: number
}

async function watch(members: readonly string[], node: string, seed: string): Promise<void> {
  const client = await connect({ seeds: [seed], connectTimeout: 30_000 })
  const last = new Map<string, string>()
  for (;;) {
    const status = await statusOf(client, node)
    for (const member of members) {
      const isConnected = status.peers.some(({ name, isConnected: is }) => name === member && is)
      const life = status.members.find(({ name }) => name === member)?.life
      const said = `${isConnected} ${life}`
      if (last.get(member) === said) continue
      last.set(member, said)
      const change: Change = { node, member, isConnected, life, at: Date.now() }
      process.stdout.write(`${JSON.stringify(change)}\n`)
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
  }
}

/** Where packets are lost a question may be, too: it is asked again. */
async function statusOf(client: Client, node: string): Promise<NodeStatus> {
  const until = Date.now() + UNANSWERED_MS_MAX
  for (;;) {
    try {
      return await client.status(node)
    } catch (error) {
      if (!isOperatingError(error) || Date.now() > until) throw error
    }
  }
}

const [members = '', ...nodes] = process.argv.slice(2)
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
await Promise.all(
  nodes.map((node) => {
    const [name = '', seed = ''] = node.split('=')
    const others = members.split(',').filter((member) => member !== name)
    return watch(others, name, seed)
  }),
)
