# SPDX-License-Identifier: MIT
# The metadata parsers over the suites of the OME-NGFF specification, which are not part of this
# project: OZR_SHARED, or ../shared beside the project, names the folder that holds them.
foreach(name ome groups)
  add_executable(conformance_${name} "${CMAKE_CURRENT_LIST_DIR}/conformance_${name}.c")
  target_include_directories(conformance_${name} PRIVATE "${PROJECT_SOURCE_DIR}/common" "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(conformance_${name} PRIVATE ozr_flags ozr_static)
  add_test(NAME conformance/${name} COMMAND conformance_${name} "${PROJECT_SOURCE_DIR}/../shared")
  set_tests_properties(conformance/${name} PROPERTIES LABELS conformance SKIP_RETURN_CODE 77 TIMEOUT 120)
endforeach()

# The zip store against Python's zipfile and Info-ZIP.
find_package(Python3 COMPONENTS Interpreter)
if(Python3_FOUND)
  add_executable(zip_archives "${CMAKE_CURRENT_LIST_DIR}/zip_archives.c")
  target_include_directories(zip_archives PRIVATE "${PROJECT_SOURCE_DIR}/common" "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(zip_archives PRIVATE ozr_flags ozr_static)
  add_test(NAME conformance/zip
    COMMAND "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_LIST_DIR}/zip_archives.py" $<TARGET_FILE:zip_archives>)
  set_tests_properties(conformance/zip PROPERTIES LABELS conformance TIMEOUT 120)
  # Twins after libtiff's tools, GDAL and Info-ZIP.
  add_test(NAME conformance/twin_damage
    COMMAND "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_LIST_DIR}/twin_damage.py" "${CMAKE_CURRENT_BINARY_DIR}")
  set_tests_properties(conformance/twin_damage PROPERTIES LABELS conformance SKIP_RETURN_CODE 77 TIMEOUT 300)
endif()
