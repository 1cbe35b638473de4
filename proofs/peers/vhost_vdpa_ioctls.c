/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded: answers the ioctls of a vhost-vdpa device for a plain file. The backend features are refused,
 * unless VDPA_ACCEPTS is set.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/vhost.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

int ioctl(int fd, unsigned long request, ...)
{
    static int (*next)(int, unsigned long, ...);
    va_list list;
    void *argument;

    va_start(list, request);
    argument = va_arg(list, void *);
    va_end(list);
    if (!next) {
        next = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    }
    if (((request >> 8) & 0xff) != VHOST_VIRTIO) {
        return next(fd, request, argument);
    }
    switch (request) {
    case VHOST_GET_FEATURES:
        *(uint64_t *)argument = 1ULL << 32;
        return 0;
    case VHOST_GET_BACKEND_FEATURES:
        *(uint64_t *)argument = 1ULL << 1 | 1ULL << 2;
        return 0;
    case VHOST_SET_BACKEND_FEATURES:
        if (getenv("VDPA_ACCEPTS")) {
            return 0;
        }
        errno = EINVAL;
        return -1;
    case VHOST_VDPA_GET_DEVICE_ID:
        *(uint32_t *)argument = 1;
        return 0;
    case VHOST_VDPA_GET_STATUS:
        *(uint8_t *)argument = 0;
        return 0;
    default:
        return 0;
    }
}
