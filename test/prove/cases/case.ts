/** One input that lost, hid or changed a write once, or ended without a sentence. */
export interface Case {
  /** The line of the issue that it stands for. */
  readonly line: string
  /** The input, in words. */
  readonly what: string
  /** Undefined where all is right; else what is not. */
  run(): Promise<string | undefined>
}

/** What is wrong, where something is. */
export function wrongUnless(isRight: boolean, what: string): string | undefined {
  return isRight ? undefined : what
}

/** Line, input, test file below test/, and the name of the test in it that shows the case. */
export type TestedRow = readonly [line: string, what: string, file: string, test: string]
