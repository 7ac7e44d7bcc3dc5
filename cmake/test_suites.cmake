# ctest includes this once for each unit test program, and gets a test NAME.SUITE for each suite of its cases: a process
# for each of 1,400 cases would take longer than the cases. The failed case is named in the output of its suite.
#   name, program, labels: set by aoe_test() in cmake/aoe.cmake.
if(NOT EXISTS ${program})
  add_test(${name} ${program})  # "Not Run", which counts as failed
  set_tests_properties(${name} PROPERTIES LABELS "${labels}")
  return()
endif()
execute_process(COMMAND ${program} --gtest_list_tests OUTPUT_VARIABLE cases COMMAND_ERROR_IS_FATAL ANY)
# A line for a suite begins with its name and a dot, a line for a case with a space.
string(REGEX MATCHALL "(^|\n)[^ \n]+\\." suites "${cases}")
foreach(suite IN LISTS suites)
  string(REGEX REPLACE "^\n|\\.$" "" suite ${suite})
  add_test(${name}.${suite} ${program} --gtest_brief=1 --gtest_filter=${suite}.*)
  set_tests_properties(${name}.${suite} PROPERTIES LABELS "${labels}" TIMEOUT 600 SKIP_RETURN_CODE 77)
endforeach()
