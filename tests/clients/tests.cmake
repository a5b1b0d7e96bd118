# SPDX-License-Identifier: MIT
# Small programs as users of libozr would write them.
foreach(client append_planes read_tiles chunk_offsets import_tiff make_twin)
  add_executable(${client} "${CMAKE_CURRENT_LIST_DIR}/${client}.c")
  target_link_libraries(${client} PRIVATE ozr_flags ozr)
endforeach()
# Those that tests in Python run.
foreach(client check_twin read_level list_tiff)
  add_executable(${client} "${CMAKE_CURRENT_LIST_DIR}/${client}.c")
  target_link_libraries(${client} PRIVATE ozr_flags ozr)
endforeach()
add_test(NAME clients COMMAND "${CMAKE_CURRENT_LIST_DIR}/run.sh" "${CMAKE_CURRENT_BINARY_DIR}")
set_tests_properties(clients PROPERTIES LABELS unit TIMEOUT 120)

# The TIFF reader against tifffile.
if(NOT OZR_SANITIZE)
  add_test(NAME interop/tiff_reader
    COMMAND "${PROJECT_SOURCE_DIR}/tests/interop/run.sh" "${PROJECT_SOURCE_DIR}/tests/interop/test_tiff_reader.py")
  set_tests_properties(interop/tiff_reader PROPERTIES LABELS interop SKIP_RETURN_CODE 77 TIMEOUT 300
    ENVIRONMENT "OZR_LIST_TIFF=$<TARGET_FILE:list_tiff>")
endif()
