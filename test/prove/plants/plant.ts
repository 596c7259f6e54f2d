/**
 * What a planted bug is: one patch of the code, why it is wrong, and who must catch it.
 *
 * Without `caughtBy` the simulator must find it. `caughtBy` names a test for what the simulator
 * cannot tell: bounds that its small clusters never come near, strangers that it has none of, and
 * calls that nothing in it makes.
 */
export interface Plant {
  readonly name: string
  /** Below `dist/src`; one that ends in `.cc` below `native`, and the addon is built anew. */
  readonly file: string
  /** Stands in the file exactly once. */
  readonly find: string
  readonly replace: string
  /** What is wrong with it. */
  readonly why: string
  /** A test file that must fail, where the simulator cannot tell. */
  readonly caughtBy?: string
}
