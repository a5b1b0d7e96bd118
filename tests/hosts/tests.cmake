# SPDX-License-Identifier: MIT
# The plug-ins inside their hosts. GDAL: through its own programs and through Debian's Python. QGIS: through
# its Python, where that is installed.
if(TARGET gdal_OMEZarr AND NOT OZR_SANITIZE)
  file(GLOB scripts CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/test_gdal_*.py")
  foreach(script IN LISTS scripts)
    string(REGEX REPLACE ".*/test_gdal_(.*)\\.py" "\\1" name "${script}")
    add_test(NAME hosts/gdal_${name}
      COMMAND "${CMAKE_CURRENT_LIST_DIR}/run_gdal.sh" "${script}")
    set_tests_properties(hosts/gdal_${name} PROPERTIES LABELS hosts SKIP_RETURN_CODE 77 TIMEOUT 600
      ENVIRONMENT "OZR_DRIVER_FOLDER=$<TARGET_FILE_DIR:gdal_OMEZarr>;OZR_SPECIMEN=$<TARGET_FILE:ozr_specimen>")
  endforeach()
  add_test(NAME hosts/qgis COMMAND "${CMAKE_CURRENT_LIST_DIR}/run_gdal.sh" "${CMAKE_CURRENT_LIST_DIR}/test_qgis.py")
  set_tests_properties(hosts/qgis PROPERTIES LABELS hosts SKIP_RETURN_CODE 77 TIMEOUT 600
    ENVIRONMENT "OZR_DRIVER_FOLDER=$<TARGET_FILE_DIR:gdal_OMEZarr>;OZR_NEEDS=qgis.core")
endif()
