// The view of a run: what a stranger asks comes first. How much is kept, what the implementation has, what failed and
// why; then everything else.

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

const toClause = (id) => el('a', {href: `#${encodeURIComponent(`clause:${id}`)}`}, id);
const caseId = (record) => `case:${record.id}`;
const groupId = ({clause, cause, outcome}) => `failure:${outcome} ${clause} ${cause}`;

// A level's clauses as a bar: what is kept first.
const VERDICTS = {
  PASS: 'kept', FAIL: 'broken', XFAIL: 'broken as known', INCONCLUSIVE: 'in doubt', UNSUPPORTED: 'unsupported',
  untested: 'untested',
};

function drawLevel({level, clauses, verdicts}) {
  const parts = Object.keys(VERDICTS).filter((word) => verdicts[word] > 0);
  const words = parts.map((word) => `${verdicts[word]} ${VERDICTS[word]}`).join(', ');
  return el('div', {class: 'level'}, el('b', {}, level.toUpperCase()),
      el('a', {class: 'meter', href: '#clauses', 'aria-label': `${level}: ${words}`}, parts.map((word) =>
          el('span', {class: `part ${word}`, style: `flex-grow:${verdicts[word]}`,
            title: `${verdicts[word]} ${VERDICTS[word]}`}))),
      el('span', {}, el('b', {}, `${verdicts.PASS ?? 0} of ${clauses}`), ' kept ',
          soft(parts.filter((word) => word !== 'PASS').map((word) => `${verdicts[word]} ${VERDICTS[word]}`).join(', '))));
}

// Many versions begin with the name.
const nameOf = ({sut, sut_version: version}) =>
    [sut, ' ', soft(version.startsWith(`${sut} `) ? version.slice(sut.length + 1) : version)];

function drawAbilities(probes) {
  const chips = (has) => probes.filter((probe) => probe.has === has).map((probe) =>
      el('span', {class: `chip ${has ? 'PASS' : 'UNSUPPORTED'}`, title: `asked ${probe.asked}: ${probe.answered}`},
          probe.ability));
  const line = (word, list) => list.length > 0 &&
      el('div', {class: 'ability'}, el('b', {}, word), el('div', {class: 'chips'}, list));
  return probes.length > 0 && el('div', {class: 'abilities'}, line('has', chips(true)), line('lacks', chips(false)));
}

// A text as a string of YAML, in ASCII.
const quoted = (text) => JSON.stringify(text).replace(/[^\x20-\x7e]/gu,
    (one) => `\\U${one.codePointAt(0).toString(16).padStart(8, '0')}`);

// The pattern of an expectation that a failure of this kind matches: without numbers and times, which are others next time.
const patternOf = ({rule, actual}) => `${rule}: ${actual}`.replace(/ \(#.*/s, '*').replace(/#\d+/g, '#*')
    .replace(/\d[\d.]*(?= ?(ns|us|ms|min|s)\b)/g, '*');

// Those of cases that failed, in the form of an expectation file (aoe-harness(8), EXPECTATIONS).
function expectationsOf(records) {
  const entries = records.filter(({outcome}) => ['FAIL', 'XFAIL'].includes(outcome)).map((record) => {
    const said = record.failures[0]?.actual.replace(/ \(#.*/s, '');  // without the frame, which is another next time
    const reason = record.outcome === 'XFAIL' && record.reason || said || record.reason;
    const kinds = [...new Set(record.failures.map(patternOf))].map(quoted);
    return `  - case: ${quoted(record.id)}\n    reason: ${quoted(reason)}\n` +
        (kinds.length > 0 ? `    failure: [${kinds.join(', ')}]\n` : '');
  });
  return entries.length > 0 ? `expected-failures:\n${entries.join('')}` : '';
}

function drawRun({run, about, earlier, changes}) {
  const {cases} = run;
  const then = new Map((earlier?.cases || []).map((record) => [record.id, record]));
  const to = (record, ...words) => link(caseId(record), {}, words.length > 0 ? words : record.id);
  const chipTo = (record, title, words) => chipLink(caseId(record), record.outcome, title, words);
  const idsOf = (numbers) => numbers.map((i) => caseId(cases[i]));
  const viewsOf = (record) => about.frames[cases.indexOf(record)];

  function drawHeader() {
    const mark = cases.some(isBad) ? chip('FAIL', 'failed') : run.interrupted ? chip('FLAKY', 'interrupted') :
        cases.every(isWell) ? chip('PASS', 'passed') : chip('FLAKY', 'in doubt');
    return el('header', {},
        el('h1', {}, mark, ' ', nameOf(run)),
        el('p', {class: 'lead'}, about.summary, ' ', soft([run.suite && `suite ${run.suite}`, `world ${run.world}`,
          `seed ${run.seed}`].filter(Boolean).join(', '))),
        run.interrupted && el('p', {}, el('strong', {}, 'Interrupted.'), ` Not run: ${run.not_run.join(', ')}`),
        el('div', {class: 'overview'}, el('div', {}, about.levels.map(drawLevel)), drawAbilities(run.probes)));
  }

  const drawFacts = () => section('about', 'This run', el('dl', {class: 'facts'}, fact('implementation', run.sut),
      fact('version', run.sut_version),
      run.peer && fact('peer', `${run.peer} ${run.peer_version}`), fact('suite', run.suite),
      run.parts > 1 && fact('part', `${run.part}/${run.parts}`), fact('world', run.world), fact('seed', run.seed),
      run.slack_ns > 0 ? fact('times known to', brief(run.slack_ns)) : '', fact('started', run.started),
      fact('took', brief(run.real_ns)), fact('aoe-harness', run.version)));

  // What failed by one cause: the first case in full, the others by name.
  function drawGroup(group) {
    const [first, ...others] = group.cases.map((i) => cases[i]);
    const clause = Object.hasOwn(catalogue.clauses, group.clause) ? catalogue.clauses[group.clause] : undefined;
    const expected = first.failures.length > 0 && group.outcome !== 'XFAIL' && !group.cause.includes('expected');
    const title = el('span', {class: 'what'},
        el('span', {class: 'cause'}, group.cause, expected && soft(`, expected: ${first.failures[0].expected}`)),
        clause && el('span', {class: 'soft'}, clause.rule));
    return story({
      id: groupId(group), outcome: group.outcome, ids: idsOf(group.cases),
      summary: [chip(group.outcome), el('b', {}, group.clause), title,
        el('span', {class: 'time'}, quantity(group.cases.length, 'case'))],
      draw: () => [
        clause && el('p', {}, toClause(group.clause), ' ', soft(clause.level), ' ', clause.room),
        el('p', {}, to(first), ' ', soft(first.title)),
        first.failures.length > 0 ? drawFailures(first, viewsOf(first)) : el('p', {}, first.reason),
        first.reproduce && drawReproduce(first.reproduce),
        others.length > 0 && folded(`${quantity(others.length, 'more case')} by the same cause`, el('ul', {class: 'others'},
            others.map((record) => el('li', {}, to(record), ' ', soft(record.failures[0]?.actual ?? record.reason))))),
      ],
    });
  }

  const drawGroups = (id, name, groups) => groups.length > 0 && section(id, name, groups.map(drawGroup));

  // Two runs beside each other.
  function drawChanges() {
    if (!changes) return '';
    const kinds = {worse: 'FAIL', better: 'PASS', other: 'FLAKY', new: 'UNSUPPORTED', gone: 'UNSUPPORTED'};
    const byId = new Map(cases.map((record) => [record.id, record]));
    const cell = (word, said) => el('td', {}, word && chip(word.split(' ')[0], word), said && el('div', {class: 'said'}, said));
    const rows = (list, name) => list.map((one) => {
      const now = byId.get(one.id);
      return sift(row(chip(kinds[one.change], one.change), th(name(one)), cell(one.before, one.said_before),
          cell(one.now, one.says_now)), now ? [caseId(now)] : []);
    });
    const heads = ['', '', 'before', 'now'];
    const part = (name, list, title) => list.length > 0 && [el('h3', {}, name), table('changes', heads, rows(list, title))];
    const nothing = [changes.cases, changes.clauses, changes.abilities].every((list) => list.length === 0);
    return section('changes', 'Changes since the earlier run',
        el('p', {class: 'soft'}, 'Compared with the run of ', nameOf(earlier), ` at ${earlier.started} (seed ${earlier.seed}), ` +
            `which took ${brief(earlier.real_ns)}. ${quantity(changes.same, 'case')} came out as before.`),
        nothing && el('p', {}, 'Nothing has changed.'),
        part('Abilities', changes.abilities, ({id}) => id),
        part('Clauses', changes.clauses, ({id}) => [toClause(id), ' ', soft(ruleOf(id))]),
        part('Cases', changes.cases, ({id}) => byId.has(id) ? to(byId.get(id)) : id));
  }

  const drawProbes = () => run.probes.length > 0 && section('abilities', 'What it was asked', table('probes',
      ['', '', 'asked', 'answered'], run.probes.map((probe) => sift(row(th(probe.ability),
          probe.has ? chip('PASS', 'has') : chip('UNSUPPORTED', 'lacks'), probe.asked, probe.answered), []))));

  // The cases of a clause, those that did not pass first.
  function drawCiting({cases: numbers, words}) {
    if (numbers.length === 0) return el('div', {class: 'soft'}, words);
    const passed = ({outcome}) => outcome === 'PASS';
    const sorted = numbers.map((i) => cases[i]).sort((one, other) => passed(one) - passed(other));
    const chips = el('div', {class: 'chips'}, sorted.map((record) => chipTo(record, record.title, record.id)));
    return sorted.length <= 3 ? chips : folded(words, chips);
  }

  function drawClause(one) {
    const {level, rule, room} = catalogue.clauses[one.id];
    const line = el('tr', {id: `clause:${one.id}`}, th(one.id), el('td', {}, chip(one.verdict)), el('td', {class: 'soft'}, level),
        el('td', {}, rule, room && el('div', {class: 'soft'}, room), drawCiting(one)));
    return sift(line, idsOf(one.cases));
  }

  function drawCoverage() {
    if (about.clauses.length === 0) return '';
    const bodies = catalogue.sections.map(({id, name}) => {
      const clauses = about.clauses.filter((one) => catalogue.clauses[one.id].section === id);
      return clauses.length > 0 && el('tbody', {},
          el('tr', {class: 'section'}, el('th', {colspan: 4}, name)), clauses.map(drawClause));
    });
    return section('clauses', 'Clauses', el('p', {}, `${about.verdict}. Numbers are sections of AoEr11.`),
        el('div', {class: 'wide', tabindex: 0}, el('table', {class: 'clauses'},
            el('thead', {}, row(th('clause'), th(''), th('level'), th('rule, and cases'))), bodies)));
  }

  function drawScenarios(counts) {
    const scenarios = new Map(cases.map((record) => [record.id.split('[', 1)[0], []]));
    for (const record of cases) scenarios.get(record.id.split('[', 1)[0]).push(record);
    const chipOf = (record) => {
      const variant = record.id.match(/\[(.*)\]/s)?.[1] ?? '';
      const words = record.outcome === 'PASS' && variant ? variant : `${verdict(record)} ${variant}`.trim();
      return chipTo(record, record.reason, words);
    };
    return section('scenarios', 'Scenarios', el('p', {class: 'legend'}, Object.keys(standings).filter((word) => counts.has(word))
        .map((word) => el('span', {}, chip(word), ' ', MEANINGS[word]))),
    table('matrix scenarios', ['scenario', 'result'], [...scenarios].map(([name, records]) => sift(row(
        th(name, el('div', {class: 'soft'}, records[0].title)),
        el('td', {}, el('div', {class: 'chips'}, records.map(chipOf)))), records.map(caseId)))));
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
    return cases.length > 1 && section('slowest', 'Slowest',
        table('slowest', ['case', '#took', earlier ? ['#before', ''] : [], ''], slowest.map((record) => sift(row(th(to(record)),
            number(brief(record.real_ns)), earlier ? before(record) : [], bar(record.real_ns)), [caseId(record)]))));
  }

  // An expectation file of the failures that the filters show.
  const file = el('pre', {tabindex: 0});
  const save = el('a', {download: 'expected.yaml', class: 'button'}, 'Save');
  const exported = folded('Expectation file of what is shown', el('div', {class: 'copy'}, file, copyButton(file), save));
  function exportShown(shown) {
    const text = expectationsOf(cases.filter((record) => shown.has(caseId(record))));
    exported.hidden = text === '';
    file.textContent = text;
    save.href = `data:application/yaml;charset=utf-8,${encodeURIComponent(text)}`;
  }

  const counts = tally(cases.map((record) => record.outcome));
  const boxes = Object.keys(standings).filter((word) => counts.has(word)).map((word) => [word, chip(word), counts.get(word)]);
  const tags = new Set(cases.flatMap((record) => record.tags).sort());
  const {bar, start} = filterBar(boxes, 'tag', tags, exportShown);
  const groupsThatAre = (standing) => about.groups.filter(({outcome}) => standings[outcome] === standing);
  const main = el('main', {}, fill(bar, {}, [exported]),
      drawGroups('failures', 'Failures', groupsThatAre('bad')), drawGroups('doubtful', 'In doubt', groupsThatAre('doubtful')),
      drawChanges(), drawGroups('known', 'Known failures', groupsThatAre('excused')), drawCoverage(), drawProbes(),
      drawScenarios(counts),
      section('cases', 'Cases', cases.map((record) => caseStory(record, caseId(record), record.tags, viewsOf(record)))),
      drawSlowest(), drawFacts());
  fill(document.body, {}, [drawHeader(), contents(main), main]);
  // Of a few failures the first is what most readers look for; of many, the list is. One case is its story.
  const failed = [...groupsThatAre('bad'), ...groupsThatAre('doubtful')];
  if (failed.length > 0 && failed.length <= 3) stories.get(groupId(failed[0])).open();
  else if (cases.length === 1) stories.get(caseId(cases[0])).open();
  start();
}
