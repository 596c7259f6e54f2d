// flock(2), with its errors as results.
#include "flock.h"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/file.h>

#include <cerrno>
#endif

namespace everwrite {

#if defined(__unix__) || defined(__APPLE__)

LockOutcome tryLock(int fd) {
  int result = 0;
  do {
    result = flock(fd, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return LockOutcome::kTaken;
  return errno == EWOULDBLOCK ? LockOutcome::kHeldElsewhere : LockOutcome::kFailed;
}

#else

LockOutcome tryLock(int) { return LockOutcome::kFailed; }

#endif

}  // namespace everwrite
