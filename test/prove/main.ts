/** `npm run prove -- NAME [arguments]`: runs one proof; without a name it lists them all. */
import { CannotRun, type Proof } from './proof.ts'

type Load = () => Promise<Proof>

/** One line a proof; a proof is loaded only when it is run or listed. */
const PROOFS: Record<string, Load> = {
  'main-job': async () => (await import('./main-job.ts')).proof,
  'bad-input': async () => (await import('./input/bad-input.ts')).proof,
  floors: async () => (await import('./floors.ts')).proof,
  ownership: async () => (await import('./ownership.ts')).proof,
  contexts: async () => (await import('./contexts.ts')).proof,
  versions: async () => (await import('./versions.ts')).proof,
  session: async () => (await import('./session.ts')).proof,
  simulate: async () => (await import('./simulate.ts')).proof,
  replay: async () => (await import('./replay.ts')).proof,
  'planted-bugs': async () => (await import('./plants/planted-bugs.ts')).proof,
  checkers: async () => (await import('./checkers.ts')).proof,
  cases: async () => (await import('./cases/cases.ts')).proof,
  rebuild: async () => (await import('./rebuild.ts')).proof,
  sigkill: async () => (await import('./machine/sigkill.ts')).proof,
  'power-cut': async () => (await import('./machine/power-cut.ts')).proof,
  hints: async () => (await import('./hints/hints.ts')).proof,
  chaos: async () => (await import('./machine/chaos.ts')).proof,
  'check-time': async () => (await import('./check-time.ts')).proof,
  sanitize: async () => (await import('./sanitize.ts')).proof,
  'walk-engine': async () => (await import('./walk-engine.ts')).proof,
  package: async () => (await import('./package/package.ts')).proof,
  rate: async () => (await import('./rate.ts')).proof,
  native: async () => (await import('./native.ts')).proof,
  merkle: async () => (await import('./merkle.ts')).proof,
  detect: async () => (await import('./detect/detect.ts')).proof,
  availability: async () => (await import('./availability/availability.ts')).proof,
  convergence: async () => (await import('./convergence/convergence.ts')).proof,
  'repair-cost': async () => (await import('./repair-cost/repair-cost.ts')).proof,
  deletes: async () => (await import('./deletes/deletes.ts')).proof,
  overload: async () => (await import('./overload/overload.ts')).proof,
  flood: async () => (await import('./flood/flood.ts')).proof,
  balance: async () => (await import('./balance/balance.ts')).proof,
  transfer: async () => (await import('./transfer/transfer.ts')).proof,
  churn: async () => (await import('./churn/churn.ts')).proof,
  gossip: async () => (await import('./gossip/gossip.ts')).proof,
  conformance: async () => (await import('./conformance/conformance.ts')).proof,
}

async function list(): Promise<void> {
  for (const load of Object.values(PROOFS)) {
    const proof = await load()
    console.log(`${`${proof.name} ${proof.usage ?? ''}`.padEnd(28)} ${proof.shows}`)
  }
}

async function main(): Promise<number> {
  const [name, ...args] = process.argv.slice(2)
  if (name === undefined) {
    await list()
    return 0
  }
  const load = Object.hasOwn(PROOFS, name) ? PROOFS[name] : undefined
  if (load === undefined) {
    console.error(`no proof is called ${name}; npm run prove lists them`)
    return 2
  }
  try {
    const verdict = await (await load()).run(args)
    console.log(`${verdict.isMet ? 'met' : 'MISSED'}: ${verdict.figure}`)
    return verdict.isMet ? 0 : 1
  } catch (error) {
    if (!(error instanceof CannotRun)) throw error
    console.log(`cannot run here: ${error.message}`)
    return 3
  }
}

process.exit(await main())
