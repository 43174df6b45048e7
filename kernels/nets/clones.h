/* clones.h -- LY_CLONES: compile a function once per x86 vector width and choose at load time, so that
 * filling and checking a network takes seconds. Elsewhere, and under sanitizers (whose runtime is not up yet
 * when the choice is made), the function is compiled once. */
#ifndef NETS_CLONES_H
#define NETS_CLONES_H
#include <stddef.h>
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define LY_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LY_SANITIZED
#endif
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GLIBC__) && defined(__has_attribute) && \
    !defined(LY_SANITIZED) && !defined(__clang__) /* clang 14 names the choice otherwise */
#if __has_attribute(target_clones)
#define LY_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#endif
#ifndef LY_CLONES
#define LY_CLONES
#endif
#endif
