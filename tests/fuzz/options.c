/* options.c -- how AddressSanitizer watches a fuzz target: short stacks of allocations and a small
 * quarantine. An execution is some hundred small allocations, and a crash is replayed with whatever
 * ASAN_OPTIONS says. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "malloc_context_size=1:quarantine_size_mb=4:thread_local_quarantine_size_kb=64:"
           "allocator_may_return_null=1";
}
