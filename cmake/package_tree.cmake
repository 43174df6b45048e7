# package_tree.cmake -- cpack runs it between installing into its own tree and packing that: what Debian wants
# to lie elsewhere or compressed, and one time on every file, so that two builds give the same bytes.
# The time: SOURCE_DATE_EPOCH, else midnight (UTC) of the release in CHANGELOG.md.
file(GLOB_RECURSE found LIST_DIRECTORIES false ${CPACK_TEMPORARY_DIRECTORY}/*)
set(usr "")
foreach(file IN LISTS found)
  if(file MATCHES "^(.*)/bin/ironroof$")
    set(usr ${CMAKE_MATCH_1})
  endif()
endforeach()
if(NOT usr)
  message(FATAL_ERROR "no bin/ironroof in ${CPACK_TEMPORARY_DIRECTORY}")
endif()

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE rc ERROR_VARIABLE why)
  if(rc)
    message(FATAL_ERROR "${ARGN}: ${why}")
  endif()
endfunction()
if("$ENV{SOURCE_DATE_EPOCH}" STREQUAL "")
  execute_process(COMMAND date -ud ${CPACK_IR_DATE} +%s OUTPUT_VARIABLE epoch
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  set(ENV{SOURCE_DATE_EPOCH} ${epoch})
endif()
set(epoch $ENV{SOURCE_DATE_EPOCH})

if(CPACK_GENERATOR STREQUAL "DEB")
  set(doc ${usr}/share/doc/ironroof)
  file(MAKE_DIRECTORY ${usr}/share/zsh/vendor-completions)
  file(RENAME ${usr}/share/zsh/site-functions/_ironroof ${usr}/share/zsh/vendor-completions/_ironroof)
  file(REMOVE ${doc}/LICENSE)
  run(rmdir ${usr}/share/zsh/site-functions)
  file(WRITE ${doc}/copyright
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: ironroof\n\n"
    "Files: *\nCopyright: 2026 the ironroof authors\nLicense: Apache-2.0\n\nLicense: Apache-2.0\n"
    " On Debian systems the full text of the Apache License, Version 2.0, is in\n"
    " /usr/share/common-licenses/Apache-2.0.\n")
  execute_process(COMMAND date -uRd @${epoch} OUTPUT_VARIABLE when OUTPUT_STRIP_TRAILING_WHITESPACE)
  file(WRITE ${doc}/changelog.Debian
    "ironroof (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium\n\n"
    "  * Release ${CPACK_PACKAGE_VERSION}; changelog.gz says what is new.\n\n"
    " -- ${CPACK_PACKAGE_CONTACT}  ${when}\n")
  file(RENAME ${doc}/CHANGELOG.md ${doc}/changelog)
  file(GLOB pages ${usr}/share/man/man1/*.1)
  run(gzip -9nf ${doc}/changelog ${doc}/changelog.Debian ${pages})
endif()

# Modes as Debian has them, whatever umask this build had; then the one time, folders after their files.
run(find ${CPACK_TEMPORARY_DIRECTORY} -type d -exec chmod 755 {} +)
run(find ${CPACK_TEMPORARY_DIRECTORY} -type f -perm /100 -exec chmod 755 {} +)
run(find ${CPACK_TEMPORARY_DIRECTORY} -type f -not -perm /100 -exec chmod 644 {} +)
run(find ${CPACK_TEMPORARY_DIRECTORY} -depth -exec touch -hd @${epoch} {} +)
