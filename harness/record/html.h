/* html.h -- the report: one page with records, style and script inside; it loads nothing. */
#ifndef IR_HTML_H
#define IR_HTML_H
#include "harness/ironroof.h"
/* Write a page over `n` record files to `out` (a path). The records go in without their raw samples and
 * without fields the page does not show. IR_SKIP without jansson; IR_EINVAL for a file that is no valid
 * record, and for a place where one of the files lies, or anything that is no page (a record: unless force);
 * own: the caller wrote the files just now, and they are not read a second time for their checks. On an error
 * what was there stays, and nothing else is left behind. */
ir_status ir_html_report(const char *const *files, size_t n, bool own, bool force, const char *out);
/* The same; names[i] is what the page calls files[i]. names, or one of them, NULL: the file's own name
 * without its folders. */
ir_status ir_html_named(const char *const *files, const char *const *names, size_t n, bool own, bool force,
                        const char *out);
#define IR_HTML_MARK "<title>ironroof report</title>" /* in the beginning of every page */
#endif
