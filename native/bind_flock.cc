// Binding of host/flock: a file lock that ends with its process.
#include "args.h"
#include "host/flock.h"

namespace everwrite {
namespace {

/** tryLock(fd) */
napi_value tryLockFile(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  int fd = 0;
  if (!args.integer(0, 0x7fffffff, fd)) return nullptr;
  return number(env, static_cast<uint32_t>(tryLock(fd)));
}

}  // namespace

void bindFlock(Napi::Env env, Napi::Object exports) { give(env, exports, "tryLock", tryLockFile); }

}  // namespace everwrite
