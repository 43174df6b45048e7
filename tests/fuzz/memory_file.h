/* memory_file.h -- bytes as a file that a reader of paths can open. */
#ifndef FUZZ_MEMORY_FILE_H
#define FUZZ_MEMORY_FILE_H
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* Close *fd when the path is no longer needed. */
static inline const char *memory_file(const uint8_t *data, size_t size, int *fd, char path[40])
{
    *fd = memfd_create("fuzz", MFD_CLOEXEC);
    assert(*fd >= 0 && write(*fd, data, size) == (ssize_t)size);
    snprintf(path, 40, "/proc/self/fd/%d", *fd);
    return path;
}
#endif
