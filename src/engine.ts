/**
 * What the author of a storage engine imports as `everwrite/engine`.
 *
 * `docs/write-an-engine.md` shows a whole engine, and how a cluster is told to use it. The contract
 * is the type `Engine`. `everwrite test-engine` checks an engine; to do the same in tests of your
 * own:
 *
 *     import { CLAIMS, failureOf } from 'everwrite/engine'
 *     import { simulatedSubject } from 'everwrite/sim'
 *
 *     for (const { claim, check } of CLAIMS) {
 *       test(claim, async () => {
 *         equal(await failureOf(check, simulatedSubject(openEngine, 1)), undefined)
 *       })
 *     }
 */
export { equalBytes } from './base/bytes.ts'
export type { MaybePromise } from './base/deliver.ts'
export { OperatingError } from './base/errors.ts'
export type { Room } from './base/room.ts'
export { compareU64, nextU64, type U64 } from './base/u64.ts'
export type { BucketId, CopyId, KeyName, Place } from './dynamo/names.ts'
export type { Digest, Token } from './native/digest.ts'
export { type Claim, CLAIMS, failureOf } from './store/conformance/claims.ts'
export type { Check, Subject, SubjectFaults } from './store/conformance/subject.ts'
export type {
  Capabilities,
  DigestPage,
  Engine,
  EngineOptions,
  EngineReport,
  Entry,
  OpenEngine,
  PlaceReport,
  ScanPage,
  ScanQuery,
  Stored,
} from './store/engine.ts'
export type { Clock } from './world/clock.ts'
export type { Directory, File, Lock } from './world/disk.ts'
export type { Trace } from './world/trace.ts'
