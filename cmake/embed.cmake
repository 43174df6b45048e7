# embed.cmake -- cmake -DOUT=<file.c> -DFUNCTION=<name> -DSOURCES=<a.cl|b.cl> -P embed.cmake: text files as
# byte arrays in a C file with `const char *FUNCTION(const char *name)`, which finds them by their name
# without extension, and `const char *FUNCTION_name(unsigned i)`, which lists those names; NULL: no more.
# Arrays, because C11 promises strings of no more than 4095 bytes.
string(REPLACE "|" ";" SOURCES "${SOURCES}")
set(arrays "")
set(rows "")
foreach(file IN LISTS SOURCES)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "((0x[0-9a-f][0-9a-f],){24})" "\\1\n    " bytes "${bytes}")
  string(APPEND arrays "static const unsigned char ${name}_text[] = {\n    ${bytes}0};\n")
  string(APPEND rows "    {\"${name}\", ${name}_text},\n")
endforeach()
file(WRITE ${OUT} "/* Made by cmake/embed.cmake. */
#include <string.h>
const char *${FUNCTION}(const char *name);
const char *${FUNCTION}_name(unsigned i);
${arrays}static const struct { const char *name; const unsigned char *text; } sources[] = {
${rows}};
const char *${FUNCTION}(const char *name)
{
    for (unsigned i = 0; i < sizeof sources / sizeof *sources; i++)
        if (!strcmp(sources[i].name, name)) return (const char *)sources[i].text;
    return 0;
}
const char *${FUNCTION}_name(unsigned i)
{
    return i < sizeof sources / sizeof *sources ? sources[i].name : 0;
}
")
