// The addon's entry: registers the functions of every bind_*.cc.
//
// The module has no state: each environment that loads it (a worker thread, a second
// copy of the file) gets its own functions, and they share only code and constants.
#include "args.h"

namespace everwrite {

/** src/native/contract.ts states this very number: raise both when a signature changes. */
constexpr uint32_t kAbi = 8;

static Napi::Object load(Napi::Env env, Napi::Object exports) {
  give(env, exports, "abi", kAbi);
  bindAllocator(env, exports);
  bindDigest(env, exports);
  bindFlock(env, exports);
  bindFrame(env, exports);
  bindRecord(env, exports);
  bindKeyDirectory(env, exports);
  bindMerkle(env, exports);
  bindResident(env, exports);
  return exports;
}

NODE_API_MODULE(everwrite, load)

}  // namespace everwrite
