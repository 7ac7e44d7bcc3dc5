# How every library, program and test of the project is built: one place for warnings and linking.

add_library(aoe_options INTERFACE)
target_compile_options(aoe_options INTERFACE -Wall -Wextra -Wconversion)  # errors in the presets only
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # It takes an unnamed namespace of a source that another file includes for a header's.
  target_compile_options(aoe_options INTERFACE -Wno-subobject-linkage)
endif()
target_compile_definitions(aoe_options INTERFACE _FILE_OFFSET_BITS=64 _TIME_BITS=64)  # on 32 bits, too
# No program holds where it was built: the same sources make the same programs anywhere.
target_compile_options(aoe_options INTERFACE -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
target_include_directories(aoe_options INTERFACE ${PROJECT_SOURCE_DIR})

set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

# Headers that most sources include and that take long to read, compiled once for all libraries; and once more, with the
# loop and JSON, for those that run a program.
function(aoe_headers name)
  file(WRITE ${PROJECT_BINARY_DIR}/${name}.cc "")
  add_library(${name} OBJECT ${PROJECT_BINARY_DIR}/${name}.cc)
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(${name} PRIVATE aoe_options fmt::fmt tl::expected)
  target_precompile_headers(${name} PRIVATE
    <algorithm> <array> <chrono> <functional> <map> <memory> <optional> <string> <vector>
    <fmt/format.h> <tl/expected.hpp> ${ARGN})
endfunction()
aoe_headers(aoe_headers)
aoe_headers(aoe_program_headers
  <boost/asio/io_context.hpp> <boost/asio/posix/stream_descriptor.hpp> <boost/asio/steady_timer.hpp>
  <nlohmann/json.hpp>)

# aoe_library(NAME SOURCES... LINK LIBRARIES... [HEADERS aoe_program_headers] [COLD]): a folder's library.
# COLD: what it does is done once a command or once a report, not for each frame, so it is optimised less and built in two
# thirds of the time.
function(aoe_library name)
  cmake_parse_arguments(arg "COLD" "HEADERS" "LINK" ${ARGN})
  if(NOT arg_HEADERS)
    set(arg_HEADERS aoe_headers)
  endif()
  add_library(${name} STATIC ${arg_UNPARSED_ARGUMENTS})
  # Users of the installed library have their own options.
  target_link_libraries(${name} PUBLIC $<BUILD_INTERFACE:aoe_options> ${arg_LINK})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)  # a plugin is linked from some
  target_precompile_headers(${name} REUSE_FROM ${arg_HEADERS})
  if(arg_COLD)
    target_compile_options(${name} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1>)
  endif()
endfunction()

# aoe_installed_library(NAME AS HEADERS...): a folder's library as a part of the client library that is installed, with these
# of its headers; find_package(aoe) knows it as aoe::AS. The nbdkit plugin is linked from it, too.
function(aoe_installed_library name as)
  aoe_public_headers(headers ${ARGN})
  set_target_properties(${name} PROPERTIES EXPORT_NAME ${as} OUTPUT_NAME aoe_${as})
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_BINARY_DIR}/include FILES ${headers})
  install(TARGETS ${name} EXPORT aoe
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endfunction()

# aoe_public_headers(VARIABLE HEADERS...): copies headers of this folder as others include them, and lists the copies. All are
# below one folder: initiator/client/client.h is <aoe/client.h>, base/check.h is <aoe/base/check.h>, and they include each
# other by these names.
function(aoe_public_headers variable)
  set(copies "")
  foreach(name ${ARGN})
    set(header ${CMAKE_CURRENT_SOURCE_DIR}/${name})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
    file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${header})
    string(REGEX REPLACE "^initiator/client/" "" path ${path})
    set(copy ${PROJECT_BINARY_DIR}/include/aoe/${path})
    file(READ ${header} text)
    string(REGEX REPLACE "#include \"(initiator/client/)?" "#include \"aoe/" text "${text}")
    set(copied "")
    if(EXISTS ${copy})
      file(READ ${copy} copied)
    endif()
    if(NOT text STREQUAL copied)
      file(WRITE ${copy} "${text}")
    endif()
    list(APPEND copies ${copy})
  endforeach()
  set(${variable} ${copies} PARENT_SCOPE)
endfunction()

# aoe_program(NAME SOURCES... LINK LIBRARIES...): an installed program with its manual page. Its own sources only read the
# command line, so they are not optimised: with -O2 CLI11 alone takes twice as long as a folder's library.
function(aoe_program name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE aoe_options ${arg_LINK})
  target_compile_definitions(${name} PRIVATE AOE_VERSION="${PROJECT_VERSION}")
  target_compile_options(${name} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O0>)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
endfunction()

# What all unit test programs share: their main(), and GoogleTest's headers, compiled once for all.
if(AOE_TESTS)
  add_custom_target(unit_tests)
  add_custom_target(sanitized_tests)
  add_library(aoe_test_main OBJECT ${PROJECT_SOURCE_DIR}/base/testing/test_main.cc)
  target_link_libraries(aoe_test_main PRIVATE aoe_options GTest::gtest fmt::fmt)
  target_compile_options(aoe_test_main PRIVATE -O0 -g1)
  target_precompile_headers(aoe_test_main PRIVATE
    <algorithm> <array> <chrono> <map> <memory> <optional> <string> <vector>
    <fmt/format.h> <gtest/gtest.h>)
endif()

# aoe_test(NAME SOURCES... LINK LIBRARIES... [SANITIZED] [OWN_MAIN]): a program of GoogleTest cases; ctest runs each suite of them as a test
# NAME.SUITE with the label "unit" (test_suites.cmake). The target unit_tests builds all programs.
# SANITIZED: it tests what faces the network or the disk, and has the label "sanitized", too. ci/test runs these tests from the
# sanitizers' build: there the target sanitized_tests builds them, and a build that names that one as AOE_SANITIZED_BUILD
# leaves them out and has ctest run them from there.
# OWN_MAIN: a source has its main(), which must fail when a case fails and has no cases that skip.
# Only the libraries under test are optimised: a test then builds in a third of the time.
function(aoe_test name)
  if(NOT AOE_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "SANITIZED;OWN_MAIN" "" "LINK" ${ARGN})
  set(labels unit)
  if(arg_SANITIZED)
    list(APPEND labels sanitized)
  endif()
  if(arg_SANITIZED AND AOE_SANITIZED_BUILD)
    cmake_path(RELATIVE_PATH CMAKE_CURRENT_BINARY_DIR BASE_DIRECTORY ${PROJECT_BINARY_DIR} OUTPUT_VARIABLE folder)
    aoe_test_suites(${name} ${AOE_SANITIZED_BUILD}/${folder}/${name} "${labels}")
    return()
  endif()
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  if(NOT arg_OWN_MAIN)
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:aoe_test_main>)
  endif()
  target_link_libraries(${name} PRIVATE aoe_options ${arg_LINK} GTest::gtest)
  target_compile_options(${name} PRIVATE -O0 -g1)
  target_precompile_headers(${name} REUSE_FROM aoe_test_main)
  add_dependencies(unit_tests ${name})
  if(arg_SANITIZED)
    add_dependencies(sanitized_tests ${name})
  endif()
  aoe_test_suites(${name} $<TARGET_FILE:${name}> "${labels}")
endfunction()

# aoe_test_suites(NAME PROGRAM LABELS): has ctest find the suites of a program when it runs.
function(aoe_test_suites name program labels)
  set(file ${CMAKE_CURRENT_BINARY_DIR}/${name}_suites.cmake)
  file(GENERATE OUTPUT ${file} CONTENT
    "set(name ${name})\nset(program ${program})\nset(labels ${labels})\ninclude(${PROJECT_SOURCE_DIR}/cmake/test_suites.cmake)\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${file})
endfunction()

# aoe_python_test(NAME SCRIPT ARGUMENTS...): a test that plays against real programs. Exit status 77 is a
# skip: ctest then names the test as skipped, and its output says what was missing.
function(aoe_python_test name script)
  if(NOT AOE_TESTS)
    return()
  endif()
  add_test(NAME ${name}
           COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/${script} ${ARGN})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77
    ENVIRONMENT "PYTHONPATH=${PROJECT_SOURCE_DIR}/ci/python;PYTHONDONTWRITEBYTECODE=1")
endfunction()

# aoe_write_links(FILE): writes a line "FOLDER TARGET LINKED TARGETS..." for each target of the project that is not a test,
# for ci/checks/layers.
function(aoe_write_links file)
  set(lines "")
  set(folders ${PROJECT_SOURCE_DIR})
  while(folders)
    list(POP_FRONT folders folder)
    get_property(inner DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
    list(APPEND folders ${inner})
    get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
    file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR} ${folder})
    foreach(target ${targets})
      get_target_property(links ${target} LINK_LIBRARIES)
      if(name AND links AND NOT "GTest::gtest" IN_LIST links)
        list(JOIN links " " links)
        string(APPEND lines "${name} ${target} ${links}\n")
      endif()
    endforeach()
  endwhile()
  file(WRITE ${file} ${lines})
endfunction()
