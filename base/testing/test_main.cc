// main() of every unit test program.
//
// Exit status: 1 when a case failed; 77, which ctest calls skipped, when none failed and some were
// skipped; 0 when all passed. GoogleTest's own main() returns 0 for a skip.
#include <gtest/gtest.h>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (RUN_ALL_TESTS() != 0) return 1;
  return testing::UnitTest::GetInstance()->skipped_test_count() > 0 ? 77 : 0;
}
