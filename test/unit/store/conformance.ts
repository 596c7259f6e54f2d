/** Runs the conformance suite of engines as tests. */
import type { Test } from 'tap'
import { CLAIMS, failureOf } from '../../../src/store/conformance/claims.ts'
import type { Subject } from '../../../src/store/conformance/subject.ts'

export interface Place extends Subject {
  end(): Promise<void>
}

export function conformance(t: Test, name: string, make: () => Promise<Place>): void {
  for (const { claim, check } of CLAIMS) {
    void t.test(`${name}: ${claim}`, async (t) => {
      const place = await make()
      t.equal(await failureOf(check, place), undefined)
      await place.end()
    })
  }
}
