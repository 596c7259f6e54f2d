// Converts JavaScript values to spans and integers, and checks them.
//
// The wrappers in src/native check meaning. The checks here are those that memory safety needs,
// whatever the wrappers did: type, length, bound. A check that fails leaves a JavaScript exception
// pending and returns false, and the binding returns at once. The rest of native/ may then trust
// its arguments.
//
// Spans borrow: they are valid until the binding returns, and JavaScript cannot run before that. A
// detached buffer has length 0, so every bound refuses it.
#ifndef EVERWRITE_ARGS_H_
#define EVERWRITE_ARGS_H_

#include <napi.h>

#include "bytes.h"

namespace everwrite {

/** The arguments of one call; those not given are undefined, and so of the wrong type. */
template <size_t Count>
class Args {
 public:
  Args(napi_env env, napi_callback_info info) : env_(env) {
    size_t count = Count;
    napi_get_cb_info(env, info, &count, values_, &self_, &data_);
  }

  napi_value self() const { return self_; }

  /** What the function was made with: see `give`. */
  void* data() const { return data_; }

  /** Whether an argument that may be left out was given. */
  bool isGiven(size_t index) const {
    napi_valuetype type = napi_undefined;
    napi_typeof(env_, values_[index], &type);
    return type != napi_undefined;
  }

  /** A Uint8Array, a Buffer included. */
  bool bytes(size_t index, std::span<uint8_t>& out) {
    return view(index, napi_uint8_array, "a Uint8Array", out);
  }

  bool bytes(size_t index, Bytes& out) {
    std::span<uint8_t> writable;
    if (!bytes(index, writable)) return false;
    out = writable;
    return true;
  }

  bool words(size_t index, std::span<uint32_t>& out) {
    return view(index, napi_uint32_array, "a Uint32Array", out);
  }

  /** A whole number of 0 to `max`; max < 2^53. */
  template <class Integer>
  bool integer(size_t index, uint64_t max, Integer& out) {
    double value = 0;
    if (napi_get_value_double(env_, values_[index], &value) != napi_ok) {
      return refuseType(index, "a number");
    }
    // Written so that NaN fails the first comparison.
    if (!(value >= 0 && value <= static_cast<double>(max))) return refuseRange(index);
    const uint64_t whole = static_cast<uint64_t>(value);
    if (static_cast<double>(whole) != value) return refuseRange(index);
    out = static_cast<Integer>(whole);
    return true;
  }

  bool word(size_t index, uint32_t& out) { return integer(index, 0xffffffff, out); }

  /** Two arguments, high and low, as one 64-bit number. */
  bool pair(size_t index, uint64_t& out) {
    uint32_t high = 0;
    uint32_t low = 0;
    if (!word(index, high) || !word(index + 1, low)) return false;
    out = static_cast<uint64_t>(high) << 32 | low;
    return true;
  }

  /** Three arguments: bytes, start, length. */
  bool part(size_t index, std::span<uint8_t>& out) {
    std::span<uint8_t> whole;
    size_t start = 0;
    size_t length = 0;
    if (!bytes(index, whole)) return false;
    if (!integer(index + 1, whole.size(), start)) return false;
    if (!integer(index + 2, whole.size() - start, length)) return false;
    out = whole.subspan(start, length);
    return true;
  }

  bool part(size_t index, Bytes& out) {
    std::span<uint8_t> writable;
    if (!part(index, writable)) return false;
    out = writable;
    return true;
  }

  /** Two arguments: bytes and the start of `length` of them. */
  bool room(size_t index, uint64_t length, uint8_t*& out) {
    std::span<uint8_t> whole;
    size_t start = 0;
    if (!bytes(index, whole)) return false;
    if (!integer(index + 1, whole.size(), start)) return false;
    if (whole.size() - start < length) return refuseRange(index + 1);
    out = whole.data() + start;
    return true;
  }

  bool refuseType(size_t index, const char* wanted) {
    char text[80];
    std::snprintf(text, sizeof text, "argument %zu must be %s", index + 1, wanted);
    napi_throw_type_error(env_, "ERR_INVALID_ARG_TYPE", text);
    return false;
  }

  bool refuseRange(size_t index) {
    char text[80];
    std::snprintf(text, sizeof text, "argument %zu is out of range", index + 1);
    napi_throw_range_error(env_, "ERR_OUT_OF_RANGE", text);
    return false;
  }

 private:
  template <class Element>
  bool view(size_t index, napi_typedarray_type wanted, const char* name,
            std::span<Element>& out) {
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    const napi_status status =
        napi_get_typedarray_info(env_, values_[index], &type, &length, &data, nullptr, nullptr);
    if (status != napi_ok || type != wanted) return refuseType(index, name);
    // An empty view may have no memory; it points here, so that no pointer is ever null.
    if (length == 0 || data == nullptr) {
      out = {reinterpret_cast<Element*>(values_), size_t{0}};
    } else {
      out = {static_cast<Element*>(data), length};
    }
    return true;
  }

  napi_env env_;
  napi_value self_ = nullptr;
  void* data_ = nullptr;
  napi_value values_[Count] = {};
};

inline napi_value number(napi_env env, uint32_t value) {
  napi_value result = nullptr;
  napi_create_uint32(env, value, &result);
  return result;
}

inline napi_value boolean(napi_env env, bool value) {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return result;
}

/** Names one function in `exports`; `data`, if any, outlives it. */
inline void give(Napi::Env env, Napi::Object exports, const char* name, napi_callback function,
                 void* data = nullptr) {
  napi_value value = nullptr;
  const napi_status status =
      napi_create_function(env, name, NAPI_AUTO_LENGTH, function, data, &value);
  if (status == napi_ok) napi_set_named_property(env, exports, name, value);
}

/** Names one number in `exports`: constants are typed once, here, and read by TypeScript. */
inline void give(Napi::Env env, Napi::Object exports, const char* name, uint32_t value) {
  napi_set_named_property(env, exports, name, number(env, value));
}

// One for each bind_*.cc: adds its functions to `exports`.
void bindAllocator(Napi::Env env, Napi::Object exports);
void bindDigest(Napi::Env env, Napi::Object exports);
void bindFlock(Napi::Env env, Napi::Object exports);
void bindFrame(Napi::Env env, Napi::Object exports);
void bindKeyDirectory(Napi::Env env, Napi::Object exports);
void bindMerkle(Napi::Env env, Napi::Object exports);
void bindRecord(Napi::Env env, Napi::Object exports);
void bindResident(Napi::Env env, Napi::Object exports);

}  // namespace everwrite

#endif  // EVERWRITE_ARGS_H_
