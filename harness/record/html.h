/* html.h -- the report: one page with records, style and script inside; it loads nothing. */
#ifndef IR_HTML_H
#define IR_HTML_H
#include "harness/ironroof.h"
/* Write a page over `n` record files to `out` (a path). The records go in without their raw samples and without fields the page
 * does not show. IR_SKIP without jansson; IR_EINVAL for a file that is no valid record. Nothing is left behind on an error. */
ir_status ir_html_report(const char *const *files, size_t n, const char *out);
#endif
