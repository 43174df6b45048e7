# package.cmake -- what `cmake --install` installs and `cpack` packs: the program, manual pages and
# completions made from its own tables, documents, schema, scripts. `cpack -G DEB` and `cpack -G TGZ` in the
# build folder; preset `package` leaves out the libraries that only serve as references, so that the package
# depends on little.
include(GNUInstallDirs)
set(data ${CMAKE_INSTALL_DATADIR}/ironroof)
install(TARGETS ironroof RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET ironroof-net)
  install(TARGETS ironroof-net RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} OPTIONAL)
endif()

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS CHANGELOG.md bench/main.c)

# ---- manual pages: the program prints them; a cross build needs an emulator for that ----
file(STRINGS CHANGELOG.md release REGEX "^## \\[${PROJECT_VERSION}\\] - " LIMIT_COUNT 1)
string(REGEX MATCH "[0-9]+-[0-9]+-[0-9]+$" release_date "${release}")
if(NOT release_date)
  message(FATAL_ERROR "CHANGELOG.md has no line '## [${PROJECT_VERSION}] - YYYY-MM-DD'")
endif()
file(STRINGS bench/main.c pages REGEX "^    {\\.name = \"[a-z]+\"")
list(TRANSFORM pages REPLACE ".*\"([a-z]+)\".*" "\\1")
list(REMOVE_ITEM pages version complete) # hidden
set(man ${CMAKE_BINARY_DIR}/man)
if(NOT CMAKE_CROSSCOMPILING OR CMAKE_CROSSCOMPILING_EMULATOR)
  set(man_pages ${man}/ironroof.1)
  set(man_commands COMMAND ironroof manual --date ${release_date} > ${man}/ironroof.1)
  foreach(page IN LISTS pages)
    list(APPEND man_pages ${man}/ironroof-${page}.1)
    list(APPEND man_commands
      COMMAND ironroof manual ${page} --date ${release_date} > ${man}/ironroof-${page}.1)
  endforeach()
  file(MAKE_DIRECTORY ${man})
  add_custom_command(OUTPUT ${man_pages} ${man_commands} DEPENDS ironroof COMMENT "Printing manual pages")
  add_custom_target(manual ALL DEPENDS ${man_pages})
  install(FILES ${man_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL) # of a whole build
else()
  ir_summary("manual" "not made" "no emulator runs this build's program (qemu-user)")
endif()

# ---- completions, documents, scripts ----
set(shells ${CMAKE_SOURCE_DIR}/scripts/completions)
install(FILES ${shells}/bash.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME ironroof)
install(FILES ${shells}/zsh.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _ironroof)
install(FILES ${shells}/fish.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d
  RENAME ironroof.fish)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs FILES_MATCHING PATTERN "*.md" PATTERN "*.png"
  PATTERN "*.json")
install(FILES docs/record.schema.json DESTINATION ${data})
install(PROGRAMS scripts/plot.py scripts/parquet.py DESTINATION ${data})
install(DIRECTORY scripts/ci scripts/grafana scripts/reframe DESTINATION ${data} USE_SOURCE_PERMISSIONS
  PATTERN "__pycache__" EXCLUDE)

# ---- cpack ----
set(CPACK_GENERATOR TGZ)
set(CPACK_PACKAGE_VENDOR "ironroof")
# Who packs says who: cmake -DIRONROOF_CONTACT="Name <address>". By default nobody's address.
set(IRONROOF_CONTACT "The ironroof authors <ironroof@ironroof.invalid>" CACHE STRING "Maintainer of packages")
set(CPACK_PACKAGE_CONTACT "${IRONROOF_CONTACT}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "measures rooflines, the memory wall and the Iron Law")
set(CPACK_PACKAGE_DESCRIPTION "Measures the ceilings of a CPU or GPU, every workload under them, and the law
that ties them together: where the time goes to bytes, arithmetic or latency.
Every output is held against an independent oracle before it is timed. Two
builds are compared by interleaved processes, the nodes of a cluster against
each other, and machines that are not there are predicted.")
set(CPACK_PACKAGE_FILE_NAME ironroof-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_THREADS 1)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR OFF)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/package_tree.cmake)
set(CPACK_IR_DATE ${release_date})
set(CPACK_IR_SOURCE ${CMAKE_SOURCE_DIR})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "python3:any") # plot.py, parquet.py
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libhwloc15, libopenblas0, pocl-opencl-icd | opencl-icd")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS
  "python3-matplotlib, bash-completion, slurm-client, prometheus-node-exporter")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
  set(ENV{DEB_HOST_ARCH} arm64)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE amd64)
endif()
include(CPack)
