// The views of a run, of a matrix of runs and of a checked capture, drawn from the JSON in #data (report/page.h says
// what is in it). Verdicts, counts and coverage come with it; nothing is judged here.
// What a story (a <details>) says is drawn when it is opened: a run may have many hundreds.

// Seeds have 64 bits, more than a number here: they become strings.
const data = JSON.parse(document.getElementById('data').textContent.replace(/"seed": ?(\d+)/g, '"seed":"$1"'));
const {standings, catalogue} = data;

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const verdict = (record) =>
    record.outcome === 'FLAKY' ? `FLAKY ${record.tries_passed}/${record.tries}` : record.outcome;
const outcomeChip = (record) => chip(record.outcome, verdict(record));
const needsStory = (record) => !['PASS', 'UNSUPPORTED'].includes(record.outcome);
const isWell = (record) => ['good', 'excused'].includes(standings[record.outcome]);
const isBad = (record) => standings[record.outcome] === 'bad';

// Stories, and the links that lead to them.

const stories = new Map();  // by id: {node, outcome, tags, text, open()}
const links = new Map();    // by the id that they lead to

function link(id, attributes, ...words) {
  const node = el('a', {href: `#${id}`, ...attributes}, words);
  node.hidden = stories.get(id)?.node.hidden ?? false;
  links.set(id, [...(links.get(id) || []), node]);
  return node;
}

const chipLink = (id, kind, title, words = kind) => link(id, {class: `chip ${kind}`, title}, words);

function story({id, outcome, tags, text, summary, draw}) {
  const body = el('div', {class: 'body'});
  const node = el('details', {class: 'case', id, 'data-outcome': outcome}, el('summary', {}, summary), body);
  const open = () => {
    if (!body.hasChildNodes()) fill(body, {}, [draw()]);
    node.open = true;
  };
  node.addEventListener('toggle', () => node.open && open());
  stories.set(id, {node, outcome, tags, text: printable(text).toLowerCase(), open});
  return node;
}

function button(name, act) {
  const node = el('button', {type: 'button'}, name);
  node.addEventListener('click', act);
  return node;
}

const summaryOf = (mark, name, title, time) =>
    [mark, el('b', {}, name), ' ', el('span', {class: 'title soft'}, title), el('span', {class: 'time'}, time)];

// The filters are in the address, so that a view can be sent on: #?outcome=FAIL,FLAKY&tag=x&text=y

// `counts`: [outcome, its chip, how many]. Shows and hides stories, links to them, and rows without a link.
function filterBar(counts, what, tags) {
  const boxes = counts.map(([value]) => el('input', {type: 'checkbox', value, checked: ''}));
  const tag = el('select', {}, el('option', {value: ''}, 'any'), [...tags].map((one) => el('option', {}, one)));
  const words = el('input', {type: 'search', size: 14});
  const shown = el('output', {class: 'soft'});

  function show() {
    const unwanted = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
    const wanted = words.value.trim().toLowerCase().split(/\s+/);
    let count = 0;
    for (const [id, one] of stories) {
      const fits = !unwanted.has(one.outcome) && (!tag.value || one.tags.includes(tag.value)) &&
          wanted.every((word) => one.text.includes(word));
      one.node.hidden = !fits;
      for (const node of links.get(id) || []) node.hidden = !fits;
      count += fits;
    }
    for (const line of all('.matrix tbody tr')) line.hidden = all('.chip', line).every((one) => one.hidden);
    shown.textContent = `${count} of ${stories.size} cases`;
  }

  function changed() {
    const state = new URLSearchParams();
    if (boxes.some((box) => !box.checked))
      state.set('outcome', boxes.filter((box) => box.checked).map((box) => box.value).join(','));
    if (tag.value) state.set('tag', tag.value);
    if (words.value) state.set('text', words.value);
    history.replaceState(null, '', `#?${state}`);
    show();
  }

  function visit() {
    if (!location.hash.startsWith('#?')) {
      const target = stories.get(location.hash.slice(1));
      target?.open();
      (target?.node || document.getElementById(location.hash.slice(1)))?.scrollIntoView();
      return;
    }
    const state = new URLSearchParams(location.hash.slice(2));
    const outcomes = state.get('outcome');
    for (const box of boxes) box.checked = outcomes === null || outcomes.split(',').includes(box.value);
    tag.value = state.get('tag') || '';
    words.value = state.get('text') || '';
    show();
  }

  const eachShown = (act) => () => [...stories.values()].filter((one) => !one.node.hidden).forEach(act);
  const bar = el('div', {class: 'filters', role: 'search'},
      counts.map(([, mark, count], i) => el('label', {}, boxes[i], mark, ` ${count}`)),
      el('label', {}, `${what} `, tag), el('label', {}, 'text ', words),
      button('Open all', eachShown((one) => one.open())),
      button('Close all', eachShown((one) => { one.node.open = false; })), shown);
  bar.addEventListener('input', changed);
  addEventListener('hashchange', visit);
  return {bar, start() { show(); visit(); }};
}

// How many there are of each key, in the order of their first.
const tally = (keys) => keys.reduce((counts, key) => counts.set(key, (counts.get(key) || 0) + 1), new Map());

// The story of a case.

function drawFailure(record, failure) {
  const dues = record.dues.filter((due) => due.where === failure.where && !isMet(due));
  const from = Math.min(...failure.ladder.slice(0, 1).map((line) => line.at_ns), ...dues.map((due) => due.since_ns));
  const until = Math.max(...failure.ladder.slice(-1).map((line) => line.at_ns),
      ...dues.map((due) => Math.max(due.latest_ns, due.came_ns ?? 0)));
  const margin = Math.max((until - from) / 20, 1000);
  const isPart = failure.ladder.length > 0 && until - from <= record.took_ns / 3 * 2;
  const closer = isPart ? plot(record, Math.max(from - margin, 0), until + margin) : '';
  return el('div', {class: 'failure'},
      el('p', {class: 'where'},
          [failure.where, failure.rule, failure.clause, failure.field].filter(Boolean).join(' \u00b7 ')),
      el('dl', {class: 'verdicts'}, el('dt', {}, 'expected'), el('dd', {}, failure.expected), el('dt', {}, 'actual'),
          el('dd', {}, el('strong', {}, failure.actual))),
      ladder(failure.ladder, dues), closer && [el('h3', {}, 'Around the failure'), closer]);
}

const drawFailures = (record) => record.failures.map((failure) => drawFailure(record, failure));

function drawKey(record) {
  const entry = (shown, colour, words) =>
      shown ? el('span', {}, el('i', {style: `background:var(--${colour})`}), words) : '';
  return el('p', {class: 'key'}, entry(record.samples.length, 'open', 'outstanding'),
      entry(record.incidents.length, 'bad', 'hit by a fault'), entry(record.incidents.length, 'warn', 'retransmitted'),
      entry(record.dues.some(isMet), 'due', 'when it was due'),
      entry(!record.dues.every(isMet), 'due-bad', 'when it was due, but did not come'));
}

function drawReproduce(command) {
  const text = el('pre', {}, command);
  const copy = button('Copy', () => navigator.clipboard.writeText(text.textContent.trim()).then(
      () => { copy.textContent = 'Copied'; },
      () => {
        getSelection().selectAllChildren(text);
        copy.textContent = 'Selected';
      }));
  return [el('h3', {}, 'Reproduce'), el('div', {class: 'copy'}, text, copy)];
}

const listSteps = (steps) => folded(quantity(steps.length, 'step'),
    table('steps', ['#t (ms)', '#took', 'step', '', ''], steps.map((step) => el('tr', {class: !step.met && 'unmet'},
        number(milliseconds(step.began_ns)), number(brief(step.ended_ns - step.began_ns)),
        el('td', {}, step.word, step.met ? '' : ' \u2715'), el('td', {}, el('code', {}, step.text)),
        el('td', {class: 'where'}, step.where)))));

// A path below the page's folder, as a URL that leads nowhere else.
const relative = (path) => `./${path.replace(/^\/+/, '').split('/').map(encodeURIComponent).join('/')}`;

function drawFiles(folder) {
  const files = ['ledger.jsonl', 'initiator-side.pcap', 'target-side.pcap', 'sut.log', 'repro.sh'];
  return el('p', {class: 'soft'}, "In the run's folder, where there are any: ", files.map((file, i) =>
      [i > 0 ? ', ' : '', el('a', {href: `${relative(folder)}/${file}`}, file)]));
}

function drawCase(record) {
  const whole = plot(record, 0, record.took_ns);
  return [
    el('dl', {class: 'facts'}, fact('clause', record.clauses.join(', ')), fact('level', record.level),
        fact('tags', record.tags.join(', ')), fact('file', record.file), fact('seed', record.seed),
        fact('requests', record.requests), fact('frames', record.frames), fact('hit by faults', record.struck),
        fact('retransmissions', record.retransmissions),
        record.tries > 1 ? fact('tries', `${record.tries}, ${record.tries_passed} passed`) : '',
        fact('took', `${brief(record.took_ns)} in its world, ${brief(record.real_ns)} here`)),
    record.failures.length > 0 && el('dl', {class: 'rules'}, record.clauses.map((id) =>
        Object.hasOwn(catalogue.clauses, id) && fact(id, catalogue.clauses[id].rule))),
    record.reason && el('p', {}, record.reason),
    drawFailures(record),
    record.reproduce && drawReproduce(record.reproduce),
    whole && [el('h3', {}, 'The whole run'), whole, drawKey(record)],
    record.notes.length > 0 ? [el('h3', {}, 'Measured'), el('ul', {}, record.notes.map((note) => el('li', {}, note)))] : '',
    record.steps.length > 0 ? listSteps(record.steps) : '',
    record.yaml && folded('The scenario as it was run', el('pre', {}, record.yaml)),
    record.log && folded('Output of the implementation', el('pre', {}, record.log)),
    record.folder && drawFiles(record.folder),
  ];
}

const caseStory = (record, id, tags = record.tags) => story({
  id, tags, outcome: record.outcome, text: [record.id, record.title, record.file, ...record.clauses, record.reason].join(' '),
  summary: summaryOf(outcomeChip(record), record.id, record.title, brief(record.took_ns)), draw: () => drawCase(record),
});

// A run.

const MEANINGS = {
  PASS: 'the rule was kept',
  FAIL: 'the rule was broken',
  FLAKY: 'passed in some of its tries',
  INCONCLUSIVE: 'this machine, or this world, could not tell',
  UNSUPPORTED: 'the implementation or the world lacks what it needs',
  ERROR: 'the world, the program under test or the harness failed',
  XFAIL: 'fails, as is known',
  XPASS: 'passes, though it is known to fail',
};

function drawRun({run, about, earlier}) {
  const {cases} = run;
  const then = new Map((earlier?.cases || []).map((record) => [record.id, record]));
  const to = (record, ...words) => link(`case-${cases.indexOf(record)}`, {}, words.length > 0 ? words : record.id);
  const chipTo = (record, title, words) => chipLink(`case-${cases.indexOf(record)}`, record.outcome, title, words);

  function drawHeader() {
    const mark = cases.some(isBad) ? chip('FAIL', 'failed') : run.interrupted ? chip('FLAKY', 'interrupted') :
        cases.every(isWell) ? chip('PASS', 'passed') : chip('FLAKY', 'in doubt');
    return el('header', {}, el('h1', {}, mark, ' ', about.summary), el('dl', {class: 'facts'},
        fact('verdict', run.suite && about.verdict),
        fact('implementation', [run.sut, run.sut_version].filter(Boolean).join(', ')), fact('world', run.world),
        fact('seed', run.seed), run.slack_ns > 0 ? fact('times known to', brief(run.slack_ns)) : '',
        fact('started', run.started), fact('took', brief(run.real_ns)), fact('aoe-harness', run.version)),
    run.interrupted && el('p', {}, el('strong', {}, 'Interrupted.'), ` Not run: ${run.not_run.join(', ')}`));
  }

  function drawFailed() {
    const failed = cases.filter((record) => !isWell(record));
    return failed.length > 0 && section('Failures', table('failed', ['', 'case', 'what happened'], failed.map((record) => {
      const [first] = record.failures;
      return row(outcomeChip(record), th(to(record)), el('td', {},
          first ? [`expected ${first.expected}`, el('br'), el('strong', {}, first.actual)] : record.reason));
    })));
  }

  function drawChanges() {
    if (!earlier) return '';
    const now = new Set(cases.map((record) => record.id));
    const changed = cases.filter(({id, outcome}) => then.has(id) && then.get(id).outcome !== outcome);
    const fresh = cases.filter((record) => !then.has(record.id));
    const gone = earlier.cases.filter((record) => !now.has(record.id));
    const list = (items) => el('p', {}, items.map((item, i) => [i > 0 ? ', ' : '', item]));
    return section('Changes since the earlier run',
        el('p', {class: 'soft'}, `Compared with the run of ${earlier.started} (seed ${earlier.seed}), ` +
            `which took ${brief(earlier.real_ns)}.`),
        changed.length === 0 ? el('p', {}, 'Each case that both runs have came out as before.') :
            table('changes', ['case', 'before, and now'], changed.map((record) => row(th(to(record)),
                el('td', {}, outcomeChip(then.get(record.id)), ' \u2192 ', outcomeChip(record))))),
        fresh.length > 0 ? folded('New cases', list(fresh.map((record) => to(record)))) : '',
        gone.length > 0 ? folded('Cases that were not run again', list(gone.map((record) => record.id))) : '');
  }

  const drawProbes = () => run.probes.length > 0 && section('Abilities', table('probes', ['', '', 'asked', 'answered'],
      run.probes.map((probe) => row(th(probe.ability),
          probe.has ? chip('PASS', 'has') : chip('UNSUPPORTED', 'lacks'), probe.asked, probe.answered))));

  // The cases of a clause, those that did not pass first.
  function drawCiting({cases: numbers, words}) {
    if (numbers.length === 0) return el('div', {class: 'soft'}, words);
    const passed = ({outcome}) => outcome === 'PASS';
    const sorted = numbers.map((i) => cases[i]).sort((one, other) => passed(one) - passed(other));
    const chips = el('div', {class: 'chips'}, sorted.map((record) => chipTo(record, record.title, record.id)));
    return sorted.length <= 3 ? chips : folded(words, chips);
  }

  function drawCoverage() {
    if (about.clauses.length === 0) return '';
    const rows = catalogue.sections.map(({id, name}) => {
      const clauses = about.clauses.filter((one) => catalogue.clauses[one.id].section === id);
      return clauses.length > 0 ? [
        el('tr', {class: 'section'}, el('th', {colspan: 4}, name)),
        clauses.map((one) => {
          const {level, rule, room} = catalogue.clauses[one.id];
          return el('tr', {id: `clause-${one.id}`}, th(one.id), el('td', {}, chip(one.verdict)),
              el('td', {class: 'soft'}, level),
              el('td', {}, rule, room && el('div', {class: 'soft'}, room), drawCiting(one)));
        }),
      ] : '';
    });
    const node = section('Clauses of AoEr11, and traits of implementations', el('p', {}, `${about.verdict}.`),
        table('clauses', ['clause', '', 'level', 'rule, and cases'], rows));
    node.id = 'clauses';
    return node;
  }

  function drawScenarios(counts) {
    const scenarios = new Map(cases.map((record) => [record.id.split('[', 1)[0], []]));
    for (const record of cases) scenarios.get(record.id.split('[', 1)[0]).push(record);
    const chipOf = (record) => {
      const variant = record.id.match(/\[(.*)\]/s)?.[1] ?? '';
      const words = record.outcome === 'PASS' && variant ? variant : `${verdict(record)} ${variant}`.trim();
      return chipTo(record, record.reason, words);
    };
    return section('Scenarios', el('p', {class: 'legend'}, Object.keys(standings).filter((word) => counts.has(word))
        .map((word) => el('span', {}, chip(word), ' ', MEANINGS[word]))),
    table('matrix scenarios', ['scenario', 'result'], [...scenarios].map(([name, records]) => row(
        th(name, el('div', {class: 'soft'}, records[0].title)),
        el('td', {}, el('div', {class: 'chips'}, records.map(chipOf)))))));
  }

  function drawSlowest() {
    const slowest = [...cases].sort((one, other) => other.real_ns - one.real_ns).slice(0, 10);
    const before = ({id, real_ns: now}) => {
      if (!then.has(id)) return [number('new'), ''];
      const {real_ns: old} = then.get(id);
      return [number(brief(old)), number((now > old ? '+' : '') + brief(now - old))];
    };
    const bar = (time) => el('td', {class: 'bars'}, el('span',
        {class: 'bar', style: `width:${(time / Math.max(slowest[0].real_ns, 1) * 100).toFixed(1)}%`}));
    return cases.length > 0 && section('Slowest',
        table('slowest', ['case', '#took', earlier ? ['#before', ''] : [], ''], slowest.map((record) => row(th(to(record)),
            number(brief(record.real_ns)), earlier ? before(record) : [], bar(record.real_ns)))));
  }

  const counts = tally(cases.map((record) => record.outcome));
  const boxes = Object.keys(standings).filter((word) => counts.has(word)).map((word) => [word, chip(word), counts.get(word)]);
  const {bar, start} = filterBar(boxes, 'tag', new Set(cases.flatMap((record) => record.tags).sort()));
  const isSuite = run.suite !== '';
  const shown = section('Cases', cases.map((record, i) => caseStory(record, `case-${i}`)));
  fill(document.body, {}, [drawHeader(), el('main', {}, drawFailed(), drawChanges(),
      // What a suite is about comes first; of any other run, its cases do.
      isSuite && [drawProbes(), drawCoverage()], bar, drawScenarios(counts), shown,
      !isSuite && drawCoverage(), drawSlowest())]);
  stories.get(`case-${cases.findIndex(isBad)}`)?.open();
  start();
}

// A matrix: rows are clauses, columns are runs.

function drawMatrix({columns}) {
  const cellId = (column, id) => `case-${column}-clause-${id}`;
  const caseId = (column, number) => `case-${column}-${number}`;
  const cells = columns.map(({about}) => new Map(about.clauses.map((cell) => [cell.id, cell])));

  const drawColumns = () => table('columns', ['implementation', 'version', 'world', 'clauses', 'cases', ''],
      columns.map(({run, about, page}, i) => row(th(el('a', {href: `#column-${i}`}, run.sut)), run.sut_version,
          run.world, about.verdict, about.summary, page && el('a', {href: relative(page)}, 'its report'))));

  function drawCell(id, i) {
    const cell = cells[i].get(id);
    return el('td', {class: 'cell'}, cell ? chipLink(cellId(i, id), cell.verdict, cell.words) :
        el('span', {class: 'soft', title: `binds ${catalogue.clauses[id].binds}`}, '\u2013'));
  }

  function drawClauses() {
    const heads = () => [el('th', {class: 'id'}, 'clause'), el('th', {class: 'rule'}, 'rule'),
      columns.map(({name}) => el('th', {class: 'cell'}, name))];
    return section('Clauses', catalogue.sections.map(({id: of, name}) => {
      const rows = Object.entries(catalogue.clauses)
          .filter(([id, clause]) => clause.section === of && cells.some((column) => column.has(id)))
          .map(([id, {level, rule}]) => row(el('th', {class: 'id'}, id, el('div', {class: 'soft'}, level)),
              el('td', {class: 'rule'}, rule), columns.map((_, i) => drawCell(id, i))));
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
        el('h3', {}, outcomeChip(cases[i]), ' ', link(caseId(column, i), {}, cases[i].id), ' ', soft(cases[i].reason)),
        drawFailures(cases[i]),
      ]),
      others.length > 0 && el('ul', {class: 'others'}, others.map((record) =>
          el('li', {}, outcomeChip(record), ` ${record.id}`, record.reason && `: ${record.reason}`))),
    ];
  }

  function drawStories({run, about, name}, column) {
    const shown = [...run.cases.keys()].filter((i) => needsStory(run.cases[i]));
    const node = section([name, ' ', soft(run.sut_version)], el('p', {}, `${about.verdict}.`),
        about.clauses.map((cell) => {
          const {level, rule} = catalogue.clauses[cell.id];
          return story({
            id: cellId(column, cell.id), outcome: cell.verdict, tags: [level], text: `${cell.id} ${rule}`,
            summary: summaryOf(chip(cell.verdict), cell.id, rule, cell.words), draw: () => drawStory(column, cell),
          });
        }),
        shown.length > 0 && el('h3', {}, 'Cases that did not simply pass'),
        shown.map((i) => caseStory(run.cases[i], caseId(column, i), [run.cases[i].level])));
    node.id = `column-${column}`;
    return node;
  }

  const counts = tally(columns.flatMap(({about}) => about.clauses.map((cell) => cell.verdict)));
  const verdicts = [...Object.keys(standings), 'untested'].filter((word) => counts.has(word));
  const levels = new Set(columns.flatMap(({about}) => about.clauses.map(({id}) => catalogue.clauses[id].level)));
  const {bar, start} = filterBar(verdicts.map((word) => [word, chip(word), counts.get(word)]), 'level', levels);
  fill(document.body, {}, [el('header', {}, el('h1', {}, 'Conformance to AoEr11')),
    el('main', {}, drawColumns(), bar, drawClauses(), columns.map(drawStories))]);
  start();
}

// A checked capture.

const LEVELS = {must: 'FAIL', should: 'FLAKY', profile: 'FLAKY', info: 'UNSUPPORTED'};

function drawCapture({capture, found, hidden, timeline, round_trips: trips}) {
  const some = (count) => count > 0 ? count : '';

  function drawDevices() {
    const heads = ['device', 'target', '#requests', '#answered', '#unanswered', '#again', '#twice', '#outstanding',
      '#shortest', '#median', '#99 of 100', '#longest', 'errors'];
    return capture.devices.length > 0 && section('Devices', table('devices', heads, capture.devices.map((device) => {
      const times = device.round_trip_ns;
      const errors = Object.entries(device.errors).map(([error, count]) => `${count} x ${error}`);
      return row(th(device.device), el('td', {}, el('code', {}, device.target?.mac ?? 'none')),
          [device.requests, device.answered, device.unanswered, device.retransmitted, device.duplicate_answers,
            device.outstanding].map(number),
          ['min', 'median', 'p99', 'max'].map((which) => number(times ? brief(times[which]) : '')), errors.join(', '));
    })));
  }

  function drawTimes() {
    const plots = [plotRoundTrips(trips, capture.span_ns), plot(timeline, 0, capture.span_ns)].filter(Boolean);
    return plots.length > 0 && section('Over time', plots);
  }

  const findingStory = (finding, i) => story({
    id: `case-${i}`, outcome: finding.level, tags: [finding.kind], text: `${finding.kind} ${finding.clause} ${finding.text}`,
    summary: [chip(LEVELS[finding.level], finding.kind), el('b', {}, `frame ${finding.frame}`), ' ',
      el('span', {class: 'title'}, finding.text), el('span', {class: 'time'}, brief(finding.at_ns))],
    draw: () => [el('p', {}, finding.rule, ' ', soft(`AoEr11 \u00a7${finding.clause}, ${finding.level}`)),
      ladder(timeline.failures[i].ladder)],
  });

  const {findings} = capture;
  const counts = tally(findings.map((finding) => finding.level));
  const levels = Object.keys(LEVELS).filter((level) => counts.has(level));
  const {bar, start} = filterBar(levels.map((level) => [level, chip(LEVELS[level], level), counts.get(level)]), 'kind',
      new Set(findings.map((finding) => finding.kind).sort()));
  fill(document.body, {}, [el('main', {},
      el('header', {}, el('h1', {}, found > 0 ? chip('FAIL', quantity(found, 'finding')) : chip('PASS', 'nothing found'),
          ' ', capture.file),
      el('dl', {class: 'facts'}, fact('frames', capture.frames), fact('of AoE', capture.aoe),
          fact('took', brief(capture.span_ns)), fact('in VLANs', some(capture.tagged)),
          fact('cut short', some(capture.cut)), fact('cut off', capture.cut_off),
          fact('asked by', capture.initiators.map(({mac}) => mac).join(', '))),
      capture.notes.length > 0 && el('ul', {class: 'notes'}, capture.notes.map((note) => el('li', {}, note)))),
      drawDevices(), drawTimes(),
      section('Findings', findings.length > 0 ? '' : el('p', {}, 'None.'), bar, findings.map(findingStory),
          Object.entries(hidden).map(([kind, count]) => el('p', {class: 'soft'}, `${count} more of ${kind}`))))]);
  start();
}

document.addEventListener('click', (event) => {
  const to = event.target.closest?.('a[href^="#"]');
  if (to) stories.get(to.hash.slice(1))?.open();
});
addEventListener('beforeprint', () => {
  for (const one of stories.values()) if (!['PASS', 'UNSUPPORTED'].includes(one.outcome)) one.open();
});
({run: drawRun, matrix: drawMatrix, capture: drawCapture})[data.view](data);
