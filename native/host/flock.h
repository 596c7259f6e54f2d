// A lock on an open file that ends with the process that holds it, however that ends.
//
// A file that merely exists is no lock: it outlives a crash, and the process number in it may by
// now be someone else's. flock(2) belongs to the open file, and the kernel forgets it on close.
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
