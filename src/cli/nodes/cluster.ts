/** `everwrite cluster`: its commands; here `invite`, an invitation with which one node may join. */
import type { Command } from 'commander'
import { addConnectionOptions, type ConnectionOptions, withClient } from '../cluster-options.ts'
import { EXIT_CODES_HELP, print } from '../outcome.ts'
import { addChanges } from './cluster-change.ts'
import { addKeys } from './cluster-key.ts'
import { addPlans } from './cluster-plan.ts'
import { addProgress } from './cluster-status.ts'

interface InviteOptions extends ConnectionOptions {
  readonly at?: string
}

export function addCluster(program: Command): void {
  const cluster = program
    .command('cluster')
    .description('change who is a member, and who owns what')
  addConnectionOptions(cluster.command('invite'))
    .option('--at <host:port>', 'the node that issues it; by default any of the cluster')
    .description('print an invitation, with which one new node may join')
    .addHelpText(
      'after',
      `
Examples:
  $ (umask 077; everwrite cluster invite > invitation)
  $ everwrite cluster invite --at 10.0.0.1:7400 > invitation && chmod 600 invitation

Standard output is the invitation alone, one line; what to do with it is on standard error. It is
a secret: its holder can become a member, and gets the cluster key. One node may use it, within
ten minutes, at the node that issued it. A restart of that node ends it.

A node that clients on other machines reach without a token issues none.
${EXIT_CODES_HELP}`,
    )
    .action(invite)
  addProgress(cluster)
  addChanges(cluster)
  addPlans(cluster)
  addKeys(cluster)
}

async function invite(options: InviteOptions): Promise<void> {
  const { at } = options
  const seeds = at ?? options.seeds
  await withClient({ ...options, seeds }, async (client) => {
    const issued = await client.invite({ at })
    if (options.json === true) {
      await print(`${JSON.stringify(issued)}\n`)
      return
    }
    await print(`${issued.invitation}\n`)
    const { issuer, address, validMs } = issued
    const name = issuer.name === '' ? issuer.id : issuer.name
    process.stderr.write(
      `everwrite: ${name} takes this invitation once, within ${validMs / 60_000} minutes. Keep it` +
        ' in a file of mode 0600 on the new machine, and start the node there:\n' +
        `  everwrite serve --config FILE --join ${address} --invitation FILE\n`,
    )
  })
}
