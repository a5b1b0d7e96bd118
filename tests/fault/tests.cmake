# SPDX-License-Identifier: MIT
# Promises about several processes, kills and full disks (docs/architecture.md).
add_executable(promises "${CMAKE_CURRENT_LIST_DIR}/promises.c")
target_link_libraries(promises PRIVATE ozr_flags ozr)
foreach(what update overwrite writers fork)
  add_test(NAME fault/${what} COMMAND "${CMAKE_CURRENT_LIST_DIR}/run_promise.sh" "$<TARGET_FILE:promises>" ${what} 500)
  set_tests_properties(fault/${what} PROPERTIES LABELS fault TIMEOUT 600)
endforeach()
if(TARGET gdal_OMEZarr AND NOT OZR_SANITIZE)
  foreach(what kill full_disk)
    add_test(NAME fault/${what} COMMAND "${OZR_PYTHON}" -m pytest -q -rs -p no:cacheprovider
      "${CMAKE_CURRENT_LIST_DIR}/test_${what}.py")
    set_tests_properties(fault/${what} PROPERTIES LABELS fault TIMEOUT 900 SKIP_RETURN_CODE 5
      ENVIRONMENT "OZR_DRIVER_FOLDER=$<TARGET_FILE_DIR:gdal_OMEZarr>;OZR_SPECIMEN=$<TARGET_FILE:ozr_specimen>")
  endforeach()
endif()
