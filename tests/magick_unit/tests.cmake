# SPDX-License-Identifier: MIT
# The parts of the ImageMagick coder that know nothing of ImageMagick, tested without it.
set(coder "${PROJECT_SOURCE_DIR}/magick_coder")
add_library(magick_plain STATIC EXCLUDE_FROM_ALL "${coder}/words.c" "${coder}/location.c" "${coder}/scenes.c"
  "${coder}/read_options.c" "${coder}/plan.c" "${coder}/plan_axes.c" "${coder}/plan_view.c"
  "${coder}/region.c" "${coder}/write_options.c" "${coder}/layout.c")
target_include_directories(magick_plain PUBLIC "${coder}")
target_link_libraries(magick_plain PUBLIC ozr_flags ozr_static)

file(GLOB OZR_MAGICK_UNIT CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/test_*.c")
foreach(source IN LISTS OZR_MAGICK_UNIT)
  get_filename_component(name "${source}" NAME_WE)
  add_executable(${name} "${source}")
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests/support")
  target_link_libraries(${name} PRIVATE magick_plain)
  add_test(NAME unit/${name} COMMAND ${name})
  set_tests_properties(unit/${name} PROPERTIES LABELS unit TIMEOUT 120)
endforeach()

# Builds of ImageMagick that no distribution here has: the headers of one tell how quanta look in all.
foreach(found MAGICK_6_Q16 MAGICK_6_Q16HDRI MAGICK_7_Q16 MAGICK_7_Q16HDRI)
  if(${found}_FOUND)
    string(REGEX MATCH "[67]" major "${found}")
    foreach(depth 8 16 32)
      foreach(hdri 0 1)
        set(name "test_magick_mapping_Q${depth}_${hdri}")
        add_executable(${name} "${CMAKE_CURRENT_LIST_DIR}/mapping_of_depth.c" "${coder}/mapping.c")
        target_include_directories(${name} PRIVATE "${coder}" "${PROJECT_SOURCE_DIR}/tests/support")
        target_include_directories(${name} SYSTEM PRIVATE ${${found}_INCLUDE_DIRS})
        target_compile_definitions(${name} PRIVATE OZR_MAGICK_MAJOR=${major} MAGICKCORE_QUANTUM_DEPTH=${depth}
          MAGICKCORE_HDRI_ENABLE=${hdri} MAGICKCORE_CHANNEL_MASK_DEPTH=32)
        target_link_libraries(${name} PRIVATE ozr_flags ozr_static m)
        add_test(NAME unit/${name} COMMAND ${name})
        set_tests_properties(unit/${name} PROPERTIES LABELS unit TIMEOUT 120)
      endforeach()
    endforeach()
    break()
  endif()
endforeach()
