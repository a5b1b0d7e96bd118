# SPDX-License-Identifier: MIT
# Small programs as users of libozr would write them.
foreach(client append_planes read_tiles chunk_offsets make_twin)
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
