/* html.h -- the report: one page with records, style and script inside; it loads nothing. */
#ifndef IR_HTML_H
#define IR_HTML_H
#include "harness/ironroof.h"
/* Write a page over `n` record files to `out` (a path). The records go in without their raw samples and
 * without fields the page does not show. IR_SKIP without jansson; IR_EINVAL for a file that is no valid
 * record; own: the caller wrote them just now, and they are not read a second time for their checks. Nothing
 * is left behind on an error. */
ir_status ir_html_report(const char *const *files, size_t n, bool own, const char *out);
#endif
