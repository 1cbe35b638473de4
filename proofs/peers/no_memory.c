/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Preloaded: aligned allocations of exactly 32 MiB fail. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

static const size_t refused = 32u << 20;

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    static int (*next)(void **, size_t, size_t);

    if (!next) {
        next = (int (*)(void **, size_t, size_t))dlsym(RTLD_NEXT, "posix_memalign");
    }
    return size == refused ? ENOMEM : next(memory, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    static void *(*next)(size_t, size_t);

    if (!next) {
        next = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "aligned_alloc");
    }
    if (size == refused) {
        errno = ENOMEM;
        return NULL;
    }
    return next(alignment, size);
}
