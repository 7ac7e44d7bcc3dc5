// A matrix: rows are clauses, columns are runs.

function drawMatrix({columns}) {
  const cellId = (column, id) => `${column}/clause:${id}`;
  const caseIn = (column, record) => `${column}/case:${record.id}`;
  const cells = columns.map(({about}) => new Map(about.clauses.map((cell) => [cell.id, cell])));

  const drawColumns = () => table('columns', ['implementation', 'version', 'world', 'clauses', 'cases', ''],
      columns.map(({run, about, page}, i) => row(th(el('a', {href: `#column:${i}`}, run.sut)), run.sut_version,
          run.world, el('td', {class: 'levels'}, about.levels.map(drawLevel)), about.summary,
          page && el('a', {href: relative(page)}, 'its report'))));

  function drawCell(id, i) {
    const cell = cells[i].get(id);
    return el('td', {class: 'cell'}, cell ? chipLink(cellId(i, id), cell.verdict, cell.words) :
        el('span', {class: 'soft', title: `binds ${catalogue.clauses[id].binds}`}, '\u2013'));
  }

  function drawClauses() {
    const heads = () => [el('th', {class: 'id'}, 'clause'), el('th', {class: 'rule'}, 'rule'),
      columns.map(({name}) => el('th', {class: 'cell'}, name))];
    return section('clauses', 'Clauses', catalogue.sections.map(({id: of, name}) => {
      const rows = Object.entries(catalogue.clauses)
          .filter(([id, clause]) => clause.section === of && cells.some((column) => column.has(id)))
          .map(([id, {level, rule}]) => sift(row(el('th', {class: 'id'}, id, el('div', {class: 'soft'}, level)),
              el('td', {class: 'rule'}, rule), columns.map((_, i) => drawCell(id, i))),
          columns.map((_, i) => cellId(i, id)).filter((_, i) => cells[i].has(id))));
      return rows.length > 0 && [el('h3', {}, name), table('matrix verdict-matrix', heads(), rows)];
    }));
  }

  // What came of a clause: those of its cases that did not simply pass, with their evidence.
  function drawStory(column, cell) {
    const {cases} = columns[column].run;
    const others = cell.cases.filter((i) => !needsStory(cases[i])).map((i) => cases[i]);
    return [
      el('p', {class: 'soft'}, catalogue.clauses[cell.id].room),
      cell.cases.filter((i) => needsStory(cases[i])).map((i) => [
        el('h3', {}, outcomeChip(cases[i]), ' ', link(caseIn(column, cases[i]), {}, cases[i].id), ' ', soft(cases[i].reason)),
        drawFailures(cases[i], columns[column].about.frames[i]),
      ]),
      others.length > 0 && el('ul', {class: 'others'}, others.map((record) =>
          el('li', {}, outcomeChip(record), ` ${record.id}`, record.reason && `: ${record.reason}`))),
    ];
  }

  function drawStories({run, about, name}, column) {
    const shown = [...run.cases.keys()].filter((i) => needsStory(run.cases[i]));
    return section(`column:${column}`, [name, ' ', soft(run.sut_version)], el('p', {}, `${about.verdict}.`),
        about.clauses.map((cell) => {
          const {level, rule} = catalogue.clauses[cell.id];
          return story({
            id: cellId(column, cell.id), outcome: cell.verdict, tags: [level], text: `${cell.id} ${rule}`,
            summary: summaryOf(chip(cell.verdict), cell.id, rule, cell.words), draw: () => drawStory(column, cell),
          });
        }),
        shown.length > 0 && el('h3', {}, 'Cases that did not simply pass'),
        shown.map((i) => caseStory(run.cases[i], caseIn(column, run.cases[i]), [run.cases[i].level], about.frames[i])));
  }

  const counts = tally(columns.flatMap(({about}) => about.clauses.map((cell) => cell.verdict)));
  const verdicts = [...Object.keys(standings), 'untested'].filter((word) => counts.has(word));
  const levels = new Set(columns.flatMap(({about}) => about.clauses.map(({id}) => catalogue.clauses[id].level)));
  const {bar, start} = filterBar(verdicts.map((word) => [word, chip(word), counts.get(word)]), 'level', levels);
  const main = el('main', {}, drawColumns(), bar, drawClauses(), columns.map(drawStories));
  fill(document.body, {}, [el('header', {}, el('h1', {}, 'Conformance to AoEr11')), contents(main), main]);
  start();
}
