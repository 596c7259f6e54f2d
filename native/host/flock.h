// A lock on an open file that ends with the process that holds it, however that ends.
//
// Why not: a file that holds a process number. It survives a crash, and the number may by then be
// another process's. The kernel removes a lock of flock(2) when the open file is closed.
//
// This is I/O, and stands in native/host for that reason: only src/host may use it.
#ifndef EVERWRITE_HOST_FLOCK_H_
#define EVERWRITE_HOST_FLOCK_H_

#include <cstdint>

namespace everwrite {

enum class LockOutcome : uint32_t {
  // These numbers are known to src/native/flock.ts.
  kTaken = 0,
  kHeldElsewhere = 1,
  kFailed = 2,
};

/** Takes the whole file for this open descriptor alone, or says at once why not. */
LockOutcome tryLock(int fd);

}  // namespace everwrite

#endif  // EVERWRITE_HOST_FLOCK_H_
