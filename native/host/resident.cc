// preadv2(2) without waiting, with its errors as results.
#include "resident.h"

#if defined(__linux__)
#include <sys/uio.h>

#include <cerrno>
#endif

namespace everwrite {

#if defined(__linux__) && defined(RWF_NOWAIT)

int64_t readResident(int fd, int64_t position, std::span<uint8_t> into) {
  iovec vector{into.data(), into.size()};
  const ssize_t count = preadv2(fd, &vector, 1, position, RWF_NOWAIT);
  if (count >= 0) return count;
  switch (errno) {
    case EAGAIN:
    case EINTR:
    case ENOSYS:
    case EOPNOTSUPP: return kWouldWait;
    default: return kReadFailed;
  }
}

#else

int64_t readResident(int, int64_t, std::span<uint8_t>) { return kWouldWait; }

#endif

}  // namespace everwrite
