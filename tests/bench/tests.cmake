# SPDX-License-Identifier: MIT
# Programs that measure; nothing here asserts a time.
if(TARGET specimen)
  add_executable(codec_bench "${CMAKE_CURRENT_LIST_DIR}/codec_bench.c")
  target_include_directories(codec_bench PRIVATE "${PROJECT_SOURCE_DIR}/common" "${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(codec_bench PRIVATE ozr_flags ozr_static specimen)
endif()
add_executable(twin_bench "${CMAKE_CURRENT_LIST_DIR}/twin_bench.c")
target_link_libraries(twin_bench PRIVATE ozr_flags ozr)
