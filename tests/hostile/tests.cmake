# SPDX-License-Identifier: MIT
# Damaged and hostile stores through stock GDAL programs.
if(TARGET gdal_OMEZarr AND NOT OZR_SANITIZE)
  add_test(NAME hostile/stores COMMAND "${OZR_PYTHON}" -m pytest -q -rs -p no:cacheprovider
    "${CMAKE_CURRENT_LIST_DIR}/test_hostile.py")
  set_tests_properties(hostile/stores PROPERTIES LABELS hostile TIMEOUT 600
    ENVIRONMENT "OZR_DRIVER_FOLDER=$<TARGET_FILE_DIR:gdal_OMEZarr>")
endif()
