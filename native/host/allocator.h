// How the process's allocator treats memory that is freed.
//
// glibc soon gives freed blocks of megabytes back to the system, and each page of the next block is
// a page fault. A message of 8 MiB has 2,048 pages: more time than all else that is done for it.
//
// This sets the process, and stands in native/host for that reason: only src/host may use it.
#ifndef EVERWRITE_HOST_ALLOCATOR_H_
#define EVERWRITE_HOST_ALLOCATOR_H_

namespace everwrite {

/**
 * Has blocks below 32 MiB come from the heap, which keeps up to `bytes` at its end that are free.
 * False where the C library has no such setting.
 */
bool keepFreedMemory(int bytes);

}  // namespace everwrite

#endif  // EVERWRITE_HOST_ALLOCATOR_H_
