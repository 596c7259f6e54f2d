/** The version of this build, as `everwrite --version` and `status` say it; a test keeps it true. */
export const VERSION = '0.1.0'
