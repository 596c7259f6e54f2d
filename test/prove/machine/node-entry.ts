/**
 * `everwrite serve` in a process that was made ready before it was needed.
 *
 * Loading the code takes longer than recovering a small log. So the process loads first, and waits
 * until its parent says with which arguments the command is to run; from then on it is the
 * product's own command and nothing else.
 */
import '../../../src/cli/settings/settings.ts'
import '../../../src/host/world.ts'
import '../../../src/node/node.ts'
import 'commander'

/** What the parent says, once. */
export interface Go {
  readonly argv: readonly string[]
}

/** A parent that ends before it has said anything leaves nothing behind. */
const leave = (): void => process.exit(0)

process.once('disconnect', leave)
process.once('message', (message: Go) => {
  process.off('disconnect', leave)
  process.argv.splice(2, process.argv.length, ...message.argv)
  void import('../../../src/cli/main.ts')
})
