# SPDX-License-Identifier: MIT
# Stores written by us read by the peers, and the other way round. OZR_PEERS names the folder that
# peers.sh made; without it these tests are skipped.
if(TARGET gdal_OMEZarr AND NOT OZR_SANITIZE)
  foreach(name written_stores foreign_stores changed_levels conformance_stores copied_images imported_tiffs dask)
    add_test(NAME interop/${name}
      COMMAND "${CMAKE_CURRENT_LIST_DIR}/run.sh" "${CMAKE_CURRENT_LIST_DIR}/test_${name}.py")
    set_tests_properties(interop/${name} PROPERTIES LABELS interop SKIP_RETURN_CODE 77 TIMEOUT 1200
      ENVIRONMENT "OZR_DRIVER_FOLDER=$<TARGET_FILE_DIR:gdal_OMEZarr>")
  endforeach()
  set_property(TEST interop/dask APPEND PROPERTY ENVIRONMENT OZR_PEER=dask)
endif()

# The stores that ImageMagick writes with our coder.
get_property(variants GLOBAL PROPERTY OZR_MAGICK_VARIANTS)
if(NOT OZR_SANITIZE)
  foreach(variant IN LISTS variants)
    get_property(program GLOBAL PROPERTY OZR_MAGICK_PROGRAM_${variant})
    get_property(coders GLOBAL PROPERTY OZR_MAGICK_CODERS_${variant})
    if(program)
      add_test(NAME interop/magick_stores_${variant}
        COMMAND "${CMAKE_CURRENT_LIST_DIR}/run.sh" "${CMAKE_CURRENT_LIST_DIR}/test_magick_stores.py")
      set_tests_properties(interop/magick_stores_${variant} PROPERTIES LABELS interop SKIP_RETURN_CODE 77 TIMEOUT 1200
        ENVIRONMENT "OZR_MAGICK_VARIANT=${variant};OZR_MAGICK_PROGRAM=${program};OZR_MAGICK_CODERS=${coders};OZR_MAGICK_MODULE=$<TARGET_FILE:magick_${variant}>")
    endif()
  endforeach()
endif()

# Twins and other people's readers of both sides; in the hosts of tools/matrix.sh too.
if(TARGET make_twin AND NOT OZR_SANITIZE)
  add_test(NAME interop/twins COMMAND "${CMAKE_CURRENT_LIST_DIR}/run_twins.sh")
  set_tests_properties(interop/twins PROPERTIES LABELS "interop;hosts" TIMEOUT 3600
    ENVIRONMENT "OZR_MAKE_TWIN=$<TARGET_FILE:make_twin>;OZR_DRIVER_FOLDER=$<$<TARGET_EXISTS:gdal_OMEZarr>:$<TARGET_FILE_DIR:gdal_OMEZarr>>")
endif()
