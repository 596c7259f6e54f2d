/**
 * Asks nodes again and again what they say of a member, and prints each change: a process of its
 * own, in the namespace from which the nodes can be reached.
 *
 * Arguments: the member's name, then `name=host:port` of each node to ask.
 */
import { isOperatingError } from '../../../src/base/errors.ts'
import { type Client, connect, type MemberSeen, type NodeStatus } from '../../../src/index.ts'

const EVERY_MS = 10
/** A node that tells nothing for longer may have told of a death meanwhile: the proof fails. */
const UNANSWERED_MS_MAX = 20_000

/** What one node says of the member from this moment on. */
export interface Change {
  readonly node: string
  readonly isConnected: boolean
  readonly life: MemberSeen['life'] | undefined
  /** Milliseconds since 1970. */
  readonly at: number
}

async function watch(member: string, node: string, seed: string): Promise<void> {
  const client = await connect({ seeds: [seed], connectTimeout: 30_000 })
  let last: string | undefined
  for (;;) {
    const { peers, members } = await statusOf(client, node)
    const isConnected = peers.some(({ name, isConnected: is }) => name === member && is)
    const life = members.find(({ name }) => name === member)?.life
    if (`${isConnected} ${life}` !== last) {
      last = `${isConnected} ${life}`
      const change: Change = { node, isConnected, life, at: Date.now() }
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

const [member = '', ...nodes] = process.argv.slice(2)
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
await Promise.all(
  nodes.map((node) => {
    const [name = '', seed = ''] = node.split('=')
    return watch(member, name, seed)
  }),
)
