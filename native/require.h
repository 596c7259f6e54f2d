// Assertions in native code: a false one is a bug of this program and ends the process.
//
// They check what a caller must guarantee (`Requires:`) where that costs a comparison. Arguments
// from JavaScript are checked by args.h and are never asserted; neither are bytes from a disk or a
// network.
#ifndef EVERWRITE_REQUIRE_H_
#define EVERWRITE_REQUIRE_H_

#include <cstdio>
#include <cstdlib>

namespace everwrite {

/** Ends the process unless `condition` holds; `belief` is the condition in words. */
inline void require(bool condition, const char* belief) {
  if (condition) [[likely]] return;
  std::fprintf(stderr, "everwrite: not so: %s\n", belief);
  std::abort();
}

}  // namespace everwrite

#endif  // EVERWRITE_REQUIRE_H_
