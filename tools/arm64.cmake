# Builds for arm64 on another host: Debian's cross compiler, and the libraries that tools/sysroot unpacks into the cache.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_ASM_COMPILER aarch64-linux-gnu-gcc)

execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/sysroot arm64
    OUTPUT_VARIABLE IRQBENCH_SYSROOT OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
# The C library is the compiler's; the headers without code of their own are in there as well.
set(CMAKE_FIND_ROOT_PATH ${IRQBENCH_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
