# plant.cmake -- ir_plant(TARGET KERNEL NAME FILE FROM TO): a copy of the emulated products of
# kernels/cuda/KERNEL.cu in which FROM in a source file has become TO, as function pr_KERNEL_NAME: faults that
# test_cuda_planted must see found. A text that is no longer in the file is an error: the plant follows it.
function(ir_plant target kernel name file from to)
  set(id ${kernel}_${name})
  set(dir ${CMAKE_BINARY_DIR}/planted/${id})
  set(whole kernels/cuda/${kernel}.cu)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${file}
    ${CMAKE_SOURCE_DIR}/${whole})
  file(READ ${CMAKE_SOURCE_DIR}/${file} text)
  string(REPLACE "${from}" "${to}" planted "${text}")
  if(planted STREQUAL text AND NOT from STREQUAL to)
    message(FATAL_ERROR "plant ${id}: '${from}' is not in ${file}")
  endif()
  file(CONFIGURE OUTPUT ${dir}/${file} CONTENT "${planted}" @ONLY)
  if(NOT file STREQUAL "${whole}")
    configure_file(${CMAKE_SOURCE_DIR}/${whole} ${dir}/${whole} COPYONLY)
  endif()
  file(CONFIGURE OUTPUT ${dir}/${id}.cc
    CONTENT "#define pr_${kernel} pr_${id}\n#include \"${whole}\"\n")
  add_library(planted_${id} OBJECT ${dir}/${id}.cc)
  set_target_properties(planted_${id} PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON
    COMPILE_OPTIONS "-O1;-w;-Wno-psabi;${instrument}")
  target_include_directories(planted_${id} BEFORE PRIVATE ${dir})
  target_link_libraries(planted_${id} PRIVATE ir_cuda_emulated)
  target_link_libraries(${target} PRIVATE planted_${id})
endfunction()
