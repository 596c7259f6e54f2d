# The native addon: one target, one set of flags for every machine. No -march here: faster
# instructions are chosen at run time, function by function (see native/README.md).
{
  'targets': [
    {
      'target_name': 'everwrite',
      'dependencies': ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api_maybe"],
      'defines': ['NAPI_VERSION=9'],
      'sources': [
        'native/addon.cc',
        'native/bind_allocator.cc',
        'native/bind_digest.cc',
        'native/bind_flock.cc',
        'native/bind_frame.cc',
        'native/bind_key_directory.cc',
        'native/bind_merkle.cc',
        'native/bind_record.cc',
        'native/bind_resident.cc',
        'native/crc32c.cc',
        'native/frame.cc',
        'native/host/allocator.cc',
        'native/host/flock.cc',
        'native/host/resident.cc',
        'native/key_directory.cc',
        'native/md5.cc',
        'native/merkle.cc',
        'native/record.cc',
        'native/siphash.cc',
        'native/token.cc',
      ],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-fno-omit-frame-pointer'],
      'cflags_cc': ['-std=c++20', '-O3', '-Wall', '-Wextra', '-fvisibility=hidden'],
      'xcode_settings': {
        'CLANG_CXX_LANGUAGE_STANDARD': 'c++20',
        'GCC_OPTIMIZATION_LEVEL': '3',
        'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
      },
    },
  ],
}
