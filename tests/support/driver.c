/* driver.c -- a driver of somebody else for test_leaks.c: a library that leaks and is then unloaded. */
#include <stdlib.h>

void *driver_make(size_t bytes);
void *driver_make(size_t bytes) { return malloc(bytes); }
