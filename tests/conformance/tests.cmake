# SPDX-License-Identifier: MIT
# The metadata parser over the suites of the OME-NGFF specification, which are not part of this
# project: OZR_SHARED, or ../shared beside the project, names the folder that holds them.
add_executable(conformance_ome "${CMAKE_CURRENT_LIST_DIR}/conformance_ome.c")
target_include_directories(conformance_ome PRIVATE "${PROJECT_SOURCE_DIR}/common")
target_link_libraries(conformance_ome PRIVATE ozr_flags ozr_static)
add_test(NAME conformance/ome COMMAND conformance_ome "${PROJECT_SOURCE_DIR}/../shared")
set_tests_properties(conformance/ome PROPERTIES LABELS conformance SKIP_RETURN_CODE 77 TIMEOUT 120)
