// Binding of host/resident: a read into memory of the caller that never waits for the disk.
#include "args.h"
#include "host/resident.h"

namespace everwrite {
namespace {

/** readResident(fd, position, into, start, length) */
napi_value readResidentInto(napi_env env, napi_callback_info info) {
  Args<5> args(env, info);
  int fd = 0;
  int64_t position = 0;
  std::span<uint8_t> into;
  if (!args.integer(0, 0x7fffffff, fd)) return nullptr;
  if (!args.integer(1, (uint64_t{1} << 53) - 1, position) || !args.part(2, into)) return nullptr;
  napi_value result = nullptr;
  napi_create_double(env, static_cast<double>(readResident(fd, position, into)), &result);
  return result;
}

}  // namespace

void bindResident(Napi::Env env, Napi::Object exports) {
  give(env, exports, "readResident", readResidentInto);
}

}  // namespace everwrite
