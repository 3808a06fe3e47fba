/* A disk or a clock with a fault, for a program that is linked against the C library.
 *
 *   SHORT=1   every write takes half of what it is given, as on a disk that is nearly full
 *   UNSYNCED=1   nothing is brought to the disk, and that is said to have gone well
 *   AHEAD=seconds   the clock is wrong by so many, or behind with a minus
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static int set(const char *name) { return getenv(name) != NULL; }

static size_t part(size_t whole) { return whole > 1 && set("SHORT") ? whole / 2 : whole; }

#define NEXT(name, type) \
    static __typeof__(type) *next; \
    if (!next) next = (__typeof__(type) *)dlsym(RTLD_NEXT, name)

ssize_t write(int file, const void *bytes, size_t length) {
    NEXT("write", ssize_t(int, const void *, size_t));
    return next(file, bytes, part(length));
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
    NEXT("pwrite64", ssize_t(int, const void *, size_t, off64_t));
    return next(file, bytes, part(length), at);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
    return pwrite64(file, bytes, length, at);
}

int fsync(int file) {
    NEXT("fsync", int(int));
    return set("UNSYNCED") ? 0 : next(file);
}

int fdatasync(int file) {
    NEXT("fdatasync", int(int));
    return set("UNSYNCED") ? 0 : next(file);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    NEXT("clock_gettime", int(clockid_t, struct timespec *));
    int result = next(clock, time);
    const char *ahead = getenv("AHEAD");
    if (ahead && clock == CLOCK_REALTIME) time->tv_sec += atol(ahead);
    return result;
}
