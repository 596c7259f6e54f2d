// Reads that never wait: what the page cache holds, and nothing else.
//
// A read through the thread pool costs tens of microseconds, most of it the way there and back. A
// page that is in memory already can be had in less than one, if the kernel promises not to wait
// for the disk: preadv2 with RWF_NOWAIT (Linux 4.14). Where it would wait, the pool is asked.
//
// This is I/O, and stands in native/host for that reason: only src/host may use it.
#ifndef EVERWRITE_HOST_RESIDENT_H_
#define EVERWRITE_HOST_RESIDENT_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace everwrite {

/** The read would wait, or this system or file cannot promise not to. */
inline constexpr int64_t kWouldWait = -1;
/** The read failed; a plain read will say how. */
inline constexpr int64_t kReadFailed = -2;

/** Bytes read, perhaps fewer than `into` takes (0 at the end of the file); or one of the above. */
int64_t readResident(int fd, int64_t position, std::span<uint8_t> into);

}  // namespace everwrite

#endif  // EVERWRITE_HOST_RESIDENT_H_
