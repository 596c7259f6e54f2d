// Binding of host/allocator: what the process does with memory that is freed.
#include "args.h"
#include "host/allocator.h"

namespace everwrite {
namespace {

/** keepFreedMemory(bytes) */
napi_value keepFreed(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  int bytes = 0;
  if (!args.integer(0, 0x7fffffff, bytes)) return nullptr;
  return number(env, keepFreedMemory(bytes) ? 1u : 0u);
}

}  // namespace

void bindAllocator(Napi::Env env, Napi::Object exports) {
  give(env, exports, "keepFreedMemory", keepFreed);
}

}  // namespace everwrite
