// Binding of key_directory: a JavaScript class whose object owns one directory.
#include "key_directory.h"
#include "owned.h"

namespace everwrite {
namespace {

constexpr ClassName kClass{"KeyDirectory", {0xcf7e75a73eadec3a, 0xd1977c4df0b4f794}};
using Directory = Owned<KeyDirectory>;

/** A token in an array of words: hi, lo. */
constexpr size_t kTokenWords = 2;

Directory* directoryOf(napi_env env, napi_value self) {
  return ownedBy<KeyDirectory>(env, self, kClass);
}

/** new KeyDirectory() */
napi_value construct(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  if (!isNew(env, info, kClass)) return nullptr;
  return own<KeyDirectory>(env, args.self(), kClass);
}

/** Reads segment and offset; a segment of all ones is no segment. */
template <size_t Count>
bool location(Args<Count>& args, size_t index, Location& out) {
  return args.integer(index, kNoSegment - 1, out.segment) && args.word(index + 1, out.offset);
}

/** insert(hi, lo, segment, offset) */
napi_value insert(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  Directory* owned = directoryOf(env, args.self());
  uint64_t token = 0;
  Location at;
  if (owned == nullptr || !args.pair(0, token) || !location(args, 2, at)) return nullptr;
  if (!owned->native.insert(token, at)) {
    napi_throw_error(env, "ERR_OUT_OF_MEMORY", "no memory for the key directory");
    return nullptr;
  }
  report(env, *owned);
  return nullptr;
}

/** insertAll(words, count): throws behind those that were inserted if memory is out. */
napi_value insertAll(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  Directory* owned = directoryOf(env, args.self());
  std::span<uint32_t> words;
  size_t count = 0;
  if (owned == nullptr || !args.words(0, words)) return nullptr;
  if (!args.integer(1, words.size() / kDirectoryWords, count)) return nullptr;
  for (size_t i = 0; i < count; i++) {
    const uint32_t* entry = words.data() + i * kDirectoryWords;
    const Location at{entry[2], entry[3]};
    if (at.segment == kNoSegment) return args.refuseRange(0), nullptr;
    if (!owned->native.insert(uint64_t{entry[0]} << 32 | entry[1], at)) {
      napi_throw_error(env, "ERR_OUT_OF_MEMORY", "no memory for the key directory");
      break;
    }
  }
  report(env, *owned);
  return nullptr;
}

/** find(hi, lo, out) */
napi_value find(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  Directory* owned = directoryOf(env, args.self());
  uint64_t token = 0;
  std::span<uint32_t> out;
  if (owned == nullptr || !args.pair(0, token) || !args.words(2, out)) return nullptr;
  if (out.size() < 2) return args.refuseRange(2), nullptr;
  return number(env, static_cast<uint32_t>(owned->native.find(token, out)));
}

/** soles(words, from, stride, out) */
napi_value soles(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  Directory* owned = directoryOf(env, args.self());
  std::span<uint32_t> words;
  std::span<uint32_t> out;
  size_t from = 0;
  size_t stride = 0;
  if (owned == nullptr || !args.words(0, words) || !args.integer(1, words.size(), from)) {
    return nullptr;
  }
  if (!args.integer(2, words.size(), stride) || !args.words(3, out)) return nullptr;
  if (stride < kTokenWords) return args.refuseRange(2), nullptr;
  // The last token needs no whole stride.
  const size_t most = (words.size() - from + stride - kTokenWords) / stride;
  if (out.size() % 2 != 0 || out.size() / 2 > most) return args.refuseRange(3), nullptr;
  owned->native.soles(words.subspan(from), stride, out);
  return nullptr;
}

/** replace(hi, lo, segment, offset, newSegment, newOffset) */
napi_value replace(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  Directory* owned = directoryOf(env, args.self());
  uint64_t token = 0;
  Location from;
  Location to;
  if (owned == nullptr || !args.pair(0, token)) return nullptr;
  if (!location(args, 2, from) || !location(args, 4, to)) return nullptr;
  return boolean(env, owned->native.replace(token, from, to));
}

/** remove(hi, lo, segment, offset) */
napi_value remove(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  Directory* owned = directoryOf(env, args.self());
  uint64_t token = 0;
  Location at;
  if (owned == nullptr || !args.pair(0, token) || !location(args, 2, at)) return nullptr;
  const bool isRemoved = owned->native.remove(token, at);
  report(env, *owned);
  return boolean(env, isRemoved);
}

/** page(fromHi, fromLo, out) */
napi_value page(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  Directory* owned = directoryOf(env, args.self());
  uint64_t from = 0;
  std::span<uint32_t> out;
  if (owned == nullptr || !args.pair(0, from) || !args.words(2, out)) return nullptr;
  if (out.size() < kDirectoryWords) return args.refuseRange(2), nullptr;
  return number(env, static_cast<uint32_t>(owned->native.page(from, out)));
}

/** clear() */
napi_value clear(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  Directory* owned = directoryOf(env, args.self());
  if (owned == nullptr) return nullptr;
  owned->native.clear();
  report(env, *owned);
  return nullptr;
}

}  // namespace

void bindKeyDirectory(Napi::Env env, Napi::Object exports) {
  const napi_property_descriptor properties[] = {
      method("insert", insert), method("insertAll", insertAll), method("find", find),
      method("soles", soles), method("replace", replace), method("remove", remove),
      method("page", page), method("clear", clear),
      getter("size", countOf<KeyDirectory, kClass, &KeyDirectory::size>),
      getter("bytes", countOf<KeyDirectory, kClass, &KeyDirectory::bytes>),
  };
  giveClass(env, exports, kClass, construct, properties);
  give(env, exports, "directoryWords", kDirectoryWords);
}

}  // namespace everwrite
