/*
 * Makes the disk of one process slower while its control file says so: loaded by LD_PRELOAD.
 *
 * The file that SLOW_DISK names is mapped. Its bytes, in the machine's order:
 *
 *     0  u32  how many times as long each call takes; 0 or 1: as long as it does
 *     4  u32  the least that a sync takes, in microseconds
 *     8  u64  calls that were made to take longer
 *
 * Calls at a position and syncs are those of files; no call on a socket is touched. A read that
 * must not wait (preadv2) is answered from memory and is not touched either.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
  _Atomic uint32_t times;
  _Atomic uint32_t sync_micros_min;
  _Atomic uint64_t slowed;
};

static struct control *control;

__attribute__((constructor)) static void map_control(void) {
  const char *path = getenv("SLOW_DISK");
  int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (mapped != MAP_FAILED) control = mapped;
  close(file);
}

static int64_t nanos_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Waits after a call that began at `began`; errno stays the call's. */
static void wait_longer(int64_t began, int is_sync) {
  if (control == NULL || control->times < 2) return;
  int64_t took = nanos_now() - began;
  int64_t wanted = took * control->times;
  int64_t least = is_sync ? control->sync_micros_min * INT64_C(1000) : 0;
  if (wanted < least) wanted = least;
  control->slowed++;
  int64_t left = wanted - took;
  struct timespec pause = {left / 1000000000, left % 1000000000};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

/* Defines `name` to call the next definition of it, then to wait. */
#define SLOWED(type, name, is_sync, parameters, arguments)                \
  type name parameters {                                                  \
    static type(*_Atomic next) parameters;                                \
    if (next == NULL) next = (type(*) parameters)dlsym(RTLD_NEXT, #name); \
    int64_t began = nanos_now();                                          \
    type result = next arguments;                                         \
    wait_longer(began, is_sync);                                          \
    return result;                                                        \
  }

SLOWED(int, fdatasync, 1, (int file), (file))
SLOWED(int, fsync, 1, (int file), (file))
SLOWED(ssize_t, pwrite64, 0, (int file, const void *from, size_t n, off64_t at),
       (file, from, n, at))
SLOWED(ssize_t, pwritev64, 0, (int file, const struct iovec *from, int n, off64_t at),
       (file, from, n, at))
SLOWED(ssize_t, pread64, 0, (int file, void *into, size_t n, off64_t at), (file, into, n, at))
SLOWED(ssize_t, preadv64, 0, (int file, const struct iovec *into, int n, off64_t at),
       (file, into, n, at))
SLOWED(ssize_t, pwrite, 0, (int file, const void *from, size_t n, off_t at), (file, from, n, at))
SLOWED(ssize_t, pwritev, 0, (int file, const struct iovec *from, int n, off_t at),
       (file, from, n, at))
SLOWED(ssize_t, pread, 0, (int file, void *into, size_t n, off_t at), (file, into, n, at))
SLOWED(ssize_t, preadv, 0, (int file, const struct iovec *into, int n, off_t at),
       (file, into, n, at))
