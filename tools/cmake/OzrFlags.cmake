# SPDX-License-Identifier: MIT
# Compiler and linker flags of all targets, as one interface library.
find_package(Threads REQUIRED)

add_library(ozr_flags INTERFACE)
target_compile_definitions(ozr_flags INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64)
target_compile_options(ozr_flags INTERFACE
  -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-align -Wformat=2 -Wvla -Wundef -Wwrite-strings
  -Wdouble-promotion -Wimplicit-fallthrough -fno-common
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
  $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
  $<$<AND:$<COMPILE_LANGUAGE:C>,$<C_COMPILER_ID:GNU>>:-Wlogical-op>
  $<$<AND:$<COMPILE_LANGUAGE:C>,$<C_COMPILER_ID:GNU>>:-Wduplicated-cond>)
if(OZR_WERROR)
  target_compile_options(ozr_flags INTERFACE -Werror)
endif()
target_link_libraries(ozr_flags INTERFACE Threads::Threads)
target_link_options(ozr_flags INTERFACE -Wl,-z,relro,-z,now)

if(OZR_SANITIZE)
  target_compile_options(ozr_flags INTERFACE -fsanitize=${OZR_SANITIZE} -fno-omit-frame-pointer -g)
  target_link_options(ozr_flags INTERFACE -fsanitize=${OZR_SANITIZE})
  if(OZR_SANITIZE MATCHES "undefined")
    target_compile_options(ozr_flags INTERFACE -fno-sanitize-recover=undefined)
  endif()
else()
  target_compile_options(ozr_flags INTERFACE -fstack-protector-strong -fstack-clash-protection)
  target_compile_options(ozr_flags INTERFACE $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
  target_link_options(ozr_flags INTERFACE -Wl,--no-undefined)
endif()
