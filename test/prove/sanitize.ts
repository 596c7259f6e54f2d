/** The proof `sanitize`: `npm run sanitize` finds no memory error and no undefined behaviour. */
import { spawnSync } from 'node:child_process'
import { CannotRun, type Proof, type Verdict } from './proof.ts'

async function run(): Promise<Verdict> {
  const { status, stdout } = spawnSync('npm', ['run', '--silent', 'sanitize'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  console.log(stdout)
  const last = stdout.trimEnd().split('\n').at(-1) ?? ''
  if (status === 3) throw new CannotRun(last.replace('cannot run here: ', ''))
  return { isMet: status === 0, figure: last }
}

export const proof: Proof = {
  name: 'sanitize',
  shows: 'the native code has no memory error and no undefined behaviour that sanitizers see',
  run,
}
