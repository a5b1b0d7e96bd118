# SPDX-License-Identifier: MIT
# Other projects' test suites on our plug-ins. They are read from where the environment says; nobody
# packages them, so without that they are skipped.
if(TARGET gdal_OMEZarr AND NOT OZR_SANITIZE)
  foreach(name autotest programs)
    add_test(NAME suites/gdal_${name}
      COMMAND "${CMAKE_CURRENT_LIST_DIR}/run_suite.sh" OZR_GDAL_AUTOTEST pymod/gdaltest.py
              "${CMAKE_CURRENT_LIST_DIR}/test_gdal_${name}.py")
    set_tests_properties(suites/gdal_${name} PROPERTIES LABELS suites SKIP_RETURN_CODE 77 TIMEOUT 600
      ENVIRONMENT "OZR_DRIVER_FOLDER=$<TARGET_FILE_DIR:gdal_OMEZarr>")
  endforeach()
  add_test(NAME suites/rasterio
    COMMAND "${CMAKE_CURRENT_LIST_DIR}/run_suite.sh" OZR_RASTERIO_TESTS test_overviews.py
            "${CMAKE_CURRENT_LIST_DIR}/test_rasterio.py")
  set_tests_properties(suites/rasterio PROPERTIES LABELS suites SKIP_RETURN_CODE 77 TIMEOUT 1200
    ENVIRONMENT "OZR_DRIVER_FOLDER=$<TARGET_FILE_DIR:gdal_OMEZarr>;OZR_NEEDS=rasterio, hypothesis")
endif()

# ImageMagick's own, on each variant of our coder.
if(NOT OZR_SANITIZE)
  get_property(variants GLOBAL PROPERTY OZR_MAGICK_VARIANTS)
  foreach(variant IN LISTS variants)
    get_property(program GLOBAL PROPERTY OZR_MAGICK_PROGRAM_${variant})
    get_property(coders GLOBAL PROPERTY OZR_MAGICK_CODERS_${variant})
    add_test(NAME suites/magick_validate_${variant} COMMAND "${CMAKE_CURRENT_LIST_DIR}/magick_validate.sh")
    set_tests_properties(suites/magick_validate_${variant} PROPERTIES LABELS validate SKIP_RETURN_CODE 77 TIMEOUT 600
      ENVIRONMENT "OZR_MAGICK_VARIANT=${variant};OZR_MAGICK_PROGRAM=${program};OZR_MAGICK_CODERS=${coders};OZR_MAGICK_MODULE=$<TARGET_FILE:magick_${variant}>;OZR_MAGICK_BUILD=${PROJECT_BINARY_DIR}")
  endforeach()
endif()
