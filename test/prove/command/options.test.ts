/** Options that are wrong are refused before anything is sent, with what to do. */
import t from 'tap'
import { run } from './running.ts'

/** No node is there: a command that asked one would end with 3. */
const NO_NODE = '127.0.0.1:1'

t.test('counts that are no numbers, and options that exclude each other, exit 2', async (t) => {
  const wrong = [
    [['get', 'b', 'k', '--r', 'x'], /--r is a whole number from 1 to \d+, not x \(quorum-wrong\)/],
    [['put', 'b', 'k', 'v', '--w', '0'], /--w is a whole number/],
    [['delete', 'b', 'k', '--r', ''], /--r is a whole number/],
    [['put', 'b', 'k', 'v', '--sibling', '--context', 'AAAA'], /--sibling .* --context .*give one/],
  ] as const
  for (const [argv, message] of wrong) {
    const { code, stderr } = await run(argv, { seeds: NO_NODE })
    t.equal(code, 2, argv.join(' '))
    t.match(stderr, message)
  }
})
