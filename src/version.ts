/** The version of this build, as `everwrite --version` and `status` say it. */
export const VERSION = '0.1.0'
