// Several implementations beside each other: rows are clauses, columns are finished runs of suites,
// and each cell is a verdict with its story.
//
// Made of run records alone, and says nothing of a clause that does not bind a column's end.
#pragma once

#include <string>
#include <vector>

#include "harness/judge/coverage.h"
#include "harness/judge/record.h"

namespace aoe::harness {

struct MatrixColumn {
  RunRecord run;
  std::string page{};  // where the run's own report is, seen from the matrix's; empty: nowhere
};

class Matrix {
 public:
  explicit Matrix(std::vector<MatrixColumn> columns);

  /// One file that holds all stories, and needs no other.
  std::string html() const;
  /// For the summary of a job.
  std::string markdown() const;
  std::string json() const;
  /// For a terminal.
  std::string text() const;
  /// A suite for each column.
  std::string junit() const;

 private:
  struct Column {
    MatrixColumn given;
    Coverage coverage;
    std::string name;  // "vblade veth"
  };
  struct Row {
    const Clause* clause;
    std::vector<const ClauseCoverage*> cells;  // by column; null: it does not bind that end
  };
  std::vector<Row> rows_of(const std::string& section) const;
  std::string html_columns() const;
  std::string html_filters() const;
  std::string html_sections() const;
  std::string html_stories(std::size_t column) const;

  std::vector<Column> columns_;
};

}  // namespace aoe::harness
