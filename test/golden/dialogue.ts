/**
 * Golden dialogues: text files that state what a machine without I/O does with each input.
 *
 *     ## a get of equal replicas moves one value        the claim: the name of the test
 *     > a: object 1                                     an input
 *     < ask b for its digest                            the outputs of this input, in order
 *     = waiting                                         the state after it
 *
 * The runner gives the inputs of a dialogue to a new machine and writes the same text with the
 * outputs and states that it saw. The test compares the two texts. Other rows are comments.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

/** What the machine did with one input. */
export interface Step {
  readonly outputs: readonly string[]
  readonly state: string
}

export type Machine = (input: string) => Step

const FOLDER = join(import.meta.dirname, '../../../test/golden')
const ACCEPT = 'ACCEPT_GOLDEN'

/** Words of an input: bare ones in order, and those of the form `name=value`. */
export interface Words {
  readonly bare: readonly string[]
  readonly named: ReadonlyMap<string, string>
}

export function wordsOf(input: string): Words {
  const words = input.split(/\s+/)
  const named = words.filter((word) => word.includes('=')).map((word) => word.split('='))
  return {
    bare: words.filter((word) => !word.includes('=')),
    named: new Map(named.map(([name, value]) => [name as string, value as string])),
  }
}

/** The dialogue with the outputs and states that a new machine gives for its inputs. */
function played(dialogue: string, machine: Machine): string {
  const rows: string[] = []
  for (const row of dialogue.split('\n')) {
    if (/^[<=] /.test(row)) continue
    rows.push(row)
    if (!row.startsWith('> ')) continue
    const { outputs, state } = machine(row.slice(2))
    rows.push(...outputs.map((output) => `< ${output}`), `= ${state}`)
  }
  return rows.join('\n')
}

/** One test for each dialogue of the file. */
export function playDialogues(file: string, newMachine: () => Machine): void {
  const path = join(FOLDER, file)
  const [head, ...dialogues] = readFileSync(path, 'utf8').split(/^(?=## )/m)
  const seen = dialogues.map((dialogue) => played(dialogue, newMachine()))
  if (process.env[ACCEPT] !== undefined) {
    if (process.env['CI'] !== undefined) throw new Error(`${ACCEPT} is refused where CI is set`)
    writeFileSync(path, [head, ...seen].join(''))
    return
  }
  t.ok(dialogues.length > 0, `${file} has dialogues`)
  for (const [index, expected] of dialogues.entries()) {
    const claim = expected.slice(3, expected.indexOf('\n'))
    const command = `${ACCEPT}=1 node dist/test/golden/${file.replace(/[-.].*/, '')}.test.js`
    t.test(claim, async (t) => {
      t.equal(seen[index], expected, `test/golden/${file}; to accept the new text: ${command}`)
    })
  }
}
