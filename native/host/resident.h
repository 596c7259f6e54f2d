// Reads from the page cache that never wait for the disk.
//
// A read through the thread pool costs tens of microseconds, most of them for the two hand-overs. A
// page that is in memory is read in less than one by preadv2 with RWF_NOWAIT (Linux 4.14), which
// fails if it would have to wait; the caller then reads through the pool.
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
