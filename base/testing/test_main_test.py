"""ctest sees what became of each suite of a unit test program: passed, failed or skipped.

usage: test_main_test.py PROGRAM TEST_SUITES
  PROGRAM      test_main_sample
  TEST_SUITES  cmake/test_suites.cmake
"""

import re
import subprocess
import sys
import tempfile

program, test_suites = sys.argv[1:]

with tempfile.TemporaryDirectory() as folder:

    def ctest(program):
        """The exit status of ctest, what became of each test, and all that it printed."""
        with open(f"{folder}/CTestTestfile.cmake", "w", encoding="utf-8") as file:
            file.write(f'set(name sample)\nset(program "{program}")\nset(labels unit)\ninclude("{test_suites}")\n')
        run = subprocess.run(["ctest", "--output-on-failure"], cwd=folder, text=True, check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        results = re.findall(r"^ *\d+/\d+ Test +#\d+: (\S+) \.+ *(?:\*\*\*)?(Passed|Skipped|Failed|Not Run)", run.stdout, re.M)
        return run.returncode, dict(results), run.stdout

    status, results, output = ctest(program)
    assert results == {"sample.Passes": "Passed", "sample.Skips": "Skipped", "sample.Fails": "Failed",
                       "sample.Numbers/Each": "Failed"}, output
    assert status != 0, output
    assert "Fails.Fails" in output and "on purpose" in output, "the failed case is named:\n" + output

    # A program that was not built is no program without cases.
    status, results, output = ctest(f"{folder}/missing")
    assert results == {"sample": "Not Run"} and status != 0, output
