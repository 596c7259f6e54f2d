/**
 * Shows that the checkers of the simulator judge ten million operations in a minute and in 2 GiB,
 * and find every violation: each in a fresh process, first a history without any, then one with a
 * violation of each kind in its middle.
 *
 * `--operations N` how many (10,000,000), `--seed N` of both (1).
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Judged, Task } from './checkers-judge.ts'
import type { Proof, Verdict } from './proof.ts'

export const proof: Proof = {
  name: 'checkers',
  shows: 'the checkers judge 10,000,000 operations in 60 s and 2 GiB, and miss nothing',
  usage: '[--operations N] [--seed N]',
  run,
}

const SECONDS_MAX = 60
const RESIDENT_MIB_MAX = 2048

async function run(args: readonly string[]): Promise<Verdict> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      operations: { type: 'string', default: '10000000' },
      seed: { type: 'string', default: '1' },
    },
  })
  const task = { seed: Number(values.seed), operations: Number(values.operations) }
  const clean = await judgeApart({ ...task, isPlanted: false })
  const planted = await judgeApart({ ...task, isPlanted: true })
  const both = [clean, planted]
  for (const judged of both) console.log(lineOf(judged))
  const seconds = Math.max(...both.map(({ judgeSeconds }) => judgeSeconds))
  const residentMib = Math.max(...both.map((judged) => judged.residentMib))
  const wrong = both.flatMap((judged) => judged.wrong)
  const isMet = wrong.length === 0 && seconds <= SECONDS_MAX && residentMib <= RESIDENT_MIB_MAX
  const found = `${planted.planted} wrong things planted, ${wrong.length} missed or imagined`
  return {
    isMet,
    figure:
      `${clean.told} operations judged in ${seconds.toFixed(1)} s (bar ${SECONDS_MAX}), ` +
      `${residentMib.toFixed(0)} MiB (bar ${RESIDENT_MIB_MAX}); ${found}`,
  }
}

async function judgeApart(task: Task): Promise<Judged> {
  const child = fork(fileURLToPath(new URL('checkers-judge.js', import.meta.url)))
  child.send(task)
  const ended = once(child, 'exit').then(() => {
    throw new Error('the process that judges ended without a word')
  })
  const [judged] = (await Promise.race([once(child, 'message'), ended])) as [Judged]
  child.disconnect()
  return judged
}

function lineOf({ wrong, planted, told, tellSeconds, judgeSeconds, residentMib }: Judged): string {
  const what = planted === 0 ? 'all is well' : `${planted} planted`
  const times = `told in ${tellSeconds.toFixed(1)} s, judged in ${judgeSeconds.toFixed(1)} s`
  const first = `${told} operations, ${what}: ${times}, ${residentMib.toFixed(0)} MiB`
  return [first, ...wrong].join('\n  ')
}
