# SPDX-License-Identifier: MIT
# The rules that keep the tree in shape, as tests.
find_program(OZR_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
set(tools "${PROJECT_SOURCE_DIR}/tools")
add_test(NAME checks/includes COMMAND "${OZR_PYTHON}" "${tools}/check-includes.py" "${PROJECT_SOURCE_DIR}")
add_test(NAME checks/size COMMAND "${OZR_PYTHON}" "${tools}/check-size.py" "${PROJECT_SOURCE_DIR}")
add_test(NAME checks/format COMMAND "${tools}/check-format.sh" "${PROJECT_SOURCE_DIR}")
if(NOT OZR_SANITIZE)
  set(plugins "")
  if(TARGET gdal_OMEZarr)
    list(APPEND plugins "$<TARGET_FILE:gdal_OMEZarr>=GDALRegister_OMEZarr")
  endif()
  add_test(NAME checks/exports COMMAND "${OZR_PYTHON}" "${tools}/check-exports.py"
    "${PROJECT_SOURCE_DIR}/common/include" "$<TARGET_FILE:ozr>" ${plugins})
  set_tests_properties(checks/exports PROPERTIES LABELS checks)
endif()
set_tests_properties(checks/includes checks/size checks/format PROPERTIES
  LABELS checks SKIP_RETURN_CODE 77)
