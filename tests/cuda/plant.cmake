# plant.cmake -- plant(NAME FILE FROM TO): a copy of the emulated wide products in which FROM in a source
# file has become TO, as function pr_wide_NAME: faults that test_cuda_planted must see found. A text that is
# no longer in the file is an error: the plant follows it.
function(ir_plant target name file from to)
  set(dir ${CMAKE_BINARY_DIR}/planted/${name})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${file}
    ${CMAKE_SOURCE_DIR}/kernels/cuda/wide.cu)
  file(READ ${CMAKE_SOURCE_DIR}/${file} text)
  string(REPLACE "${from}" "${to}" planted "${text}")
  if(planted STREQUAL text AND NOT from STREQUAL to)
    message(FATAL_ERROR "plant ${name}: '${from}' is not in ${file}")
  endif()
  file(CONFIGURE OUTPUT ${dir}/${file} CONTENT "${planted}" @ONLY)
  if(NOT file STREQUAL "kernels/cuda/wide.cu")
    configure_file(${CMAKE_SOURCE_DIR}/kernels/cuda/wide.cu ${dir}/kernels/cuda/wide.cu COPYONLY)
  endif()
  file(CONFIGURE OUTPUT ${dir}/${name}.cc
    CONTENT "#define pr_wide pr_wide_${name}\n#include \"kernels/cuda/wide.cu\"\n")
  add_library(planted_${name} OBJECT ${dir}/${name}.cc)
  set_target_properties(planted_${name} PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON
    COMPILE_OPTIONS "-O1;-w;${instrument}")
  target_include_directories(planted_${name} BEFORE PRIVATE ${dir})
  target_link_libraries(planted_${name} PRIVATE ir_cuda_emulated)
  target_link_libraries(${target} PRIVATE planted_${name})
endfunction()
