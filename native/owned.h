// JavaScript classes whose objects own a native object, which is deleted when they are collected.
//
// Node.js refuses a method called on an object of another class (methods carry a signature), so the
// `self` of a method always wraps the right native object, also where two copies of the addon are
// loaded. A getter carries none: it checks the tag of its class.
//
// The garbage collector sees a small object and not the megabytes behind it, so they are reported,
// a mebibyte at a time.
#ifndef EVERWRITE_OWNED_H_
#define EVERWRITE_OWNED_H_

#include "args.h"

namespace everwrite {

/** The name of a class, and a tag drawn at random for it. */
struct ClassName {
  const char* text;
  napi_type_tag tag;
};

/** A native object, and how much of its memory the collector knows of. */
template <class Native>
struct Owned {
  template <class... Inputs>
  explicit Owned(Inputs... inputs) : native(inputs...) {}

  Native native;
  int64_t reported = 0;
};

inline constexpr int64_t kReportBytes = 1 << 20;

/** Tells the collector of memory that `owned` has taken or freed. */
template <class Native>
void report(napi_env env, Owned<Native>& owned) {
  const int64_t change = static_cast<int64_t>(owned.native.bytes()) - owned.reported;
  if (change > -kReportBytes && change < kReportBytes) return;
  int64_t total = 0;
  napi_adjust_external_memory(env, change, &total);
  owned.reported += change;
}

template <class Native>
void destroy(napi_env env, void* data, void*) {
  Owned<Native>* owned = static_cast<Owned<Native>*>(data);
  int64_t total = 0;
  napi_adjust_external_memory(env, -owned->reported, &total);
  delete owned;
}

/** Throws a TypeError about a class; `format` has the place of its name. */
inline void refuseClass(napi_env env, const char* format, const ClassName& name) {
  char text[80];
  std::snprintf(text, sizeof text, format, name.text);
  napi_throw_type_error(env, nullptr, text);
}

/** Whether a constructor was called with `new`; if not, an exception is pending. */
inline bool isNew(napi_env env, napi_callback_info info, const ClassName& name) {
  napi_value target = nullptr;
  if (napi_get_new_target(env, info, &target) == napi_ok && target != nullptr) return true;
  refuseClass(env, "%s is a class: call it with new", name);
  return false;
}

/** Gives `self` a native object of its own; returns `self`. */
template <class Native, class... Inputs>
napi_value own(napi_env env, napi_value self, const ClassName& name, Inputs... inputs) {
  Owned<Native>* owned = new Owned<Native>(inputs...);
  if (napi_wrap(env, self, owned, destroy<Native>, nullptr, nullptr) != napi_ok) delete owned;
  napi_type_tag_object(env, self, &name.tag);
  return self;
}

/** What the `self` of a method owns; null, with an exception pending, if that is nothing. */
template <class Native>
Owned<Native>* ownedBy(napi_env env, napi_value self, const ClassName& name) {
  void* data = nullptr;
  if (napi_unwrap(env, self, &data) == napi_ok) return static_cast<Owned<Native>*>(data);
  refuseClass(env, "not a %s", name);
  return nullptr;
}

/** A getter of one count of a native object. */
template <class Native, const ClassName& name, uint64_t (Native::*count)() const>
napi_value countOf(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  bool isOurs = false;
  napi_check_object_type_tag(env, args.self(), &name.tag, &isOurs);
  if (!isOurs) return refuseClass(env, "not a %s", name), nullptr;
  Owned<Native>* owned = ownedBy<Native>(env, args.self(), name);
  if (owned == nullptr) return nullptr;
  napi_value result = nullptr;
  napi_create_double(env, static_cast<double>((owned->native.*count)()), &result);
  return result;
}

inline napi_property_descriptor method(const char* name, napi_callback function) {
  return {name, nullptr, function, nullptr, nullptr, nullptr, napi_default_method, nullptr};
}

inline napi_property_descriptor getter(const char* name, napi_callback function) {
  return {name, nullptr, nullptr, function, nullptr, nullptr, napi_default, nullptr};
}

/** Names one class in `exports`. */
inline void giveClass(Napi::Env env, Napi::Object exports, const ClassName& name,
                      napi_callback construct,
                      std::span<const napi_property_descriptor> properties) {
  napi_value value = nullptr;
  const napi_status status =
      napi_define_class(env, name.text, NAPI_AUTO_LENGTH, construct, nullptr, properties.size(),
                        properties.data(), &value);
  if (status == napi_ok) napi_set_named_property(env, exports, name.text, value);
}

}  // namespace everwrite

#endif  // EVERWRITE_OWNED_H_
