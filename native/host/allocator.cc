// mallopt(3).
#include "allocator.h"

#include <cstdlib>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace everwrite {

#if defined(__GLIBC__)

bool keepFreedMemory(int bytes) {
  constexpr int kMapped = 32 * 1024 * 1024;  // The most that glibc takes.
  return mallopt(M_MMAP_THRESHOLD, kMapped) == 1 && mallopt(M_TRIM_THRESHOLD, bytes) == 1;
}

#else

bool keepFreedMemory(int) { return false; }

#endif

}  // namespace everwrite
