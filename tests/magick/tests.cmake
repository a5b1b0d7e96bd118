# SPDX-License-Identifier: MIT
# The coder inside ImageMagick's own programs: each variant that was built runs each test_<topic>.py, as
# magick/<variant>/<topic>. A variant whose programs are not installed says that it is skipped. A build with
# the address sanitizer runs inside the same stock programs, with the sanitizer's library loaded before all else.
get_property(variants GLOBAL PROPERTY OZR_MAGICK_VARIANTS)
set(preload)
if(OZR_SANITIZE MATCHES "address")
  foreach(name asan ubsan)
    execute_process(COMMAND "${CMAKE_C_COMPILER}" -print-file-name=lib${name}.so
      OUTPUT_VARIABLE library OUTPUT_STRIP_TRAILING_WHITESPACE)
    list(APPEND preload "${library}")
  endforeach()
  string(REPLACE ";" ":" preload "${preload}")
elseif(OZR_SANITIZE)
  set(variants)
endif()

file(GLOB scripts CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/test_*.py")
foreach(variant IN LISTS variants)
  get_property(program GLOBAL PROPERTY OZR_MAGICK_PROGRAM_${variant})
  get_property(coders GLOBAL PROPERTY OZR_MAGICK_CODERS_${variant})
  foreach(script IN LISTS scripts)
    string(REGEX REPLACE ".*/test_(.*)\\.py" "\\1" topic "${script}")
    add_test(NAME magick/${variant}/${topic} COMMAND "${CMAKE_CURRENT_LIST_DIR}/run_magick.sh" "${script}")
    set(environment
      "OZR_MAGICK_VARIANT=${variant}"
      "OZR_MAGICK_PROGRAM=${program}"
      "OZR_MAGICK_CODERS=${coders}"
      "OZR_MAGICK_MODULE=$<TARGET_FILE:magick_${variant}>"
      "OZR_MAGICK_BUILD=${PROJECT_BINARY_DIR}"
      "OZR_MAGICK_PRELOAD=${preload}")
    set_tests_properties(magick/${variant}/${topic} PROPERTIES LABELS hosts SKIP_RETURN_CODE 77 TIMEOUT 600
      ENVIRONMENT "${environment}")
  endforeach()
  # It installs below a folder of its own, but the record of that is the build's.
  set_tests_properties(magick/${variant}/module PROPERTIES RESOURCE_LOCK install)
endforeach()
