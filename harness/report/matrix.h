// Several implementations side by side: rows are clauses, columns are finished runs of suites, and
// each cell is the verdict of that run on that clause.
//
// It is made of run records alone. A clause that does not bind a column's end has no verdict there.
#pragma once

#include <string>
#include <vector>

#include "harness/judge/coverage.h"
#include "harness/judge/record.h"

namespace aoe::harness {

struct MatrixColumn {
  RunRecord run;
  std::string page{};  // of the run: a path relative to the matrix's page; empty: none
};

class Matrix {
 public:
  explicit Matrix(std::vector<MatrixColumn> columns);

  /// Returns a page (page.h) with the stories of all cases that did not simply pass.
  std::string html() const;
  /// Returns tables for the summary of a job.
  std::string markdown() const;
  std::string json() const;
  /// Returns a table for a terminal.
  std::string text() const;
  /// Returns a suite for each column.
  std::string junit() const;

 private:
  struct Column {
    MatrixColumn given;
    Coverage coverage;
    std::string name;  // "vblade veth"
  };
  struct Row {
    const Clause* clause;
    std::vector<const ClauseCoverage*> cells;  // by column; null: does not bind that end
  };
  std::vector<Row> rows_of(const std::string& section) const;

  std::vector<Column> columns_;
};

}  // namespace aoe::harness
