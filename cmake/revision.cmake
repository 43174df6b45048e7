# revision.cmake -- cmake -DSOURCE=dir -DOUTPUT=header -P revision.cmake
# Writes the git revision to a header, only when it changed, so that a build after a commit recompiles
# the one file that records it. Empty outside a git work tree (a release archive, git not installed); the
# environment variable IRONROOF_REVISION says it there, and goes first.
find_program(GIT git)
set(revision "")
if(NOT "$ENV{IRONROOF_REVISION}" STREQUAL "")
  set(revision "$ENV{IRONROOF_REVISION}")
elseif(GIT AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${GIT} -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
                  OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
set(text "#define IR_GIT_REVISION \"${revision}\"\n")
set(before "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} before)
endif()
if(NOT text STREQUAL before)
  file(WRITE ${OUTPUT} "${text}")
endif()
