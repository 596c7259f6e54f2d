// Binding of key_directory: a JavaScript class whose object owns one directory.
//
// Node.js refuses a method called on an object of another class (the methods carry a signature), so
// `self` always wraps a directory, also where two copies of the addon are loaded. The directory is
// deleted when its object is collected.
//
// The garbage collector sees a small object and not the megabytes behind it, so the binding reports
// them, a mebibyte at a time.
#include "args.h"
#include "key_directory.h"

namespace everwrite {
namespace {

/** A directory, and how much of its memory the collector knows of. */
struct Owned {
  KeyDirectory directory;
  int64_t reported = 0;
};

constexpr int64_t kReportBytes = 1 << 20;

void report(napi_env env, Owned& owned) {
  const int64_t change = static_cast<int64_t>(owned.directory.bytes()) - owned.reported;
  if (change > -kReportBytes && change < kReportBytes) return;
  int64_t total = 0;
  napi_adjust_external_memory(env, change, &total);
  owned.reported += change;
}

void destroy(napi_env env, void* data, void*) {
  Owned* owned = static_cast<Owned*>(data);
  int64_t total = 0;
  napi_adjust_external_memory(env, -owned->reported, &total);
  delete owned;
}

/** new KeyDirectory() */
napi_value construct(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  napi_value target = nullptr;
  if (napi_get_new_target(env, info, &target) != napi_ok || target == nullptr) {
    napi_throw_type_error(env, nullptr, "KeyDirectory is a class: call it with new");
    return nullptr;
  }
  Owned* owned = new Owned();
  if (napi_wrap(env, args.self(), owned, destroy, nullptr, nullptr) != napi_ok) delete owned;
  return args.self();
}

/** The directory of `self`; null, with an exception pending, if it has none. */
template <size_t Count>
Owned* ownedBy(napi_env env, Args<Count>& args) {
  void* data = nullptr;
  if (napi_unwrap(env, args.self(), &data) == napi_ok) return static_cast<Owned*>(data);
  napi_throw_type_error(env, nullptr, "not a KeyDirectory");
  return nullptr;
}

/** Reads segment and offset; a segment of all ones is no segment. */
template <size_t Count>
bool location(Args<Count>& args, size_t index, Location& out) {
  return args.integer(index, kNoSegment - 1, out.segment) && args.word(index + 1, out.offset);
}

/** insert(hi, lo, segment, offset) */
napi_value insert(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  Owned* owned = ownedBy(env, args);
  uint64_t token = 0;
  Location at;
  if (owned == nullptr || !args.pair(0, token) || !location(args, 2, at)) return nullptr;
  if (!owned->directory.insert(token, at)) {
    napi_throw_error(env, "ERR_OUT_OF_MEMORY", "no memory for the key directory");
    return nullptr;
  }
  report(env, *owned);
  return nullptr;
}

/** find(hi, lo, out) */
napi_value find(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  Owned* owned = ownedBy(env, args);
  uint64_t token = 0;
  std::span<uint32_t> out;
  if (owned == nullptr || !args.pair(0, token) || !args.words(2, out)) return nullptr;
  if (out.size() < 2) return args.refuseRange(2), nullptr;
  return number(env, static_cast<uint32_t>(owned->directory.find(token, out)));
}

/** replace(hi, lo, segment, offset, newSegment, newOffset) */
napi_value replace(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  Owned* owned = ownedBy(env, args);
  uint64_t token = 0;
  Location from;
  Location to;
  if (owned == nullptr || !args.pair(0, token)) return nullptr;
  if (!location(args, 2, from) || !location(args, 4, to)) return nullptr;
  return boolean(env, owned->directory.replace(token, from, to));
}

/** remove(hi, lo, segment, offset) */
napi_value remove(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  Owned* owned = ownedBy(env, args);
  uint64_t token = 0;
  Location at;
  if (owned == nullptr || !args.pair(0, token) || !location(args, 2, at)) return nullptr;
  const bool isRemoved = owned->directory.remove(token, at);
  report(env, *owned);
  return boolean(env, isRemoved);
}

/** page(fromHi, fromLo, out) */
napi_value page(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  Owned* owned = ownedBy(env, args);
  uint64_t from = 0;
  std::span<uint32_t> out;
  if (owned == nullptr || !args.pair(0, from) || !args.words(2, out)) return nullptr;
  if (out.size() < kDirectoryWords) return args.refuseRange(2), nullptr;
  return number(env, static_cast<uint32_t>(owned->directory.page(from, out)));
}

/** clear() */
napi_value clear(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  Owned* owned = ownedBy(env, args);
  if (owned == nullptr) return nullptr;
  owned->directory.clear();
  report(env, *owned);
  return nullptr;
}

/** A getter of one count of the directory. */
template <uint64_t (KeyDirectory::*count)() const>
napi_value countOf(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  Owned* owned = ownedBy(env, args);
  if (owned == nullptr) return nullptr;
  napi_value result = nullptr;
  napi_create_double(env, static_cast<double>((owned->directory.*count)()), &result);
  return result;
}

napi_property_descriptor method(const char* name, napi_callback function) {
  return {name, nullptr, function, nullptr, nullptr, nullptr, napi_default_method, nullptr};
}

napi_property_descriptor getter(const char* name, napi_callback function) {
  return {name, nullptr, nullptr, function, nullptr, nullptr, napi_default, nullptr};
}

}  // namespace

void bindKeyDirectory(Napi::Env env, Napi::Object exports) {
  const napi_property_descriptor properties[] = {
      method("insert", insert),   method("find", find), method("replace", replace),
      method("remove", remove),   method("page", page), method("clear", clear),
      getter("size", countOf<&KeyDirectory::size>), getter("bytes", countOf<&KeyDirectory::bytes>),
  };
  napi_value value = nullptr;
  if (napi_define_class(env, "KeyDirectory", NAPI_AUTO_LENGTH, construct, nullptr,
                        sizeof properties / sizeof properties[0], properties, &value) != napi_ok) {
    return;
  }
  napi_set_named_property(env, exports, "KeyDirectory", value);
  give(env, exports, "directoryWords", kDirectoryWords);
}

}  // namespace everwrite
