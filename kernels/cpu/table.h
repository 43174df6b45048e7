/* table.h -- every CPU kernel, one X() line each, in ladder order. The file that defines
 * `const ir_kernel cpu_<x>` must exist or the link fails. */
