// What all views have: stories, links to them, filters, and the story of a case. The views (run.js, matrix.js,
// capture.js) are drawn from the JSON in #data (report/page.h says what is in it). Verdicts, counts, groups and changes
// come with it; nothing is judged here.
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

// Stories, and the links that lead to them. An id is a name, such as "case:reads[mtu=9000]".

const stories = new Map();  // by id: {node, outcome, tags, text, isPrinted, open()}
const links = new Map();    // by the id that they lead to
const sifted = [];          // what else the filters hide: {node, ids, text}

const idIn = (hash) => {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return '';
  }
};

function link(id, attributes, ...words) {
  const node = el('a', {href: `#${encodeURIComponent(id)}`, ...attributes}, words);
  links.set(id, [...(links.get(id) || []), node]);
  return node;
}

const chipLink = (id, kind, title, words = kind) => link(id, {class: `chip ${kind}`, title}, words);

// `ids`: of other stories that it sums up; it is shown with them, and not counted.
function story({id, outcome, tags = [], text = '', ids, summary, draw, isPrinted = !['PASS', 'UNSUPPORTED'].includes(outcome)}) {
  const body = el('div', {class: 'body'});
  const node = el('details', {class: ids ? 'case group' : 'case', id, 'data-outcome': outcome},
      el('summary', {}, summary), body);
  const open = () => {
    if (!body.hasChildNodes()) fill(body, {}, [draw()]);
    node.open = true;
  };
  node.addEventListener('toggle', () => node.open && open());
  stories.set(id, {node, outcome, tags, text: printable(text).toLowerCase(), ids, isPrinted, open});
  return node;
}

// The filters show `node` while they show one of the stories `ids`; without any, while its text has the words.
function sift(node, ids) {
  sifted.push({node, ids, text: node.textContent.toLowerCase()});
  return node;
}

function button(name, act) {
  const node = el('button', {type: 'button'}, name);
  node.addEventListener('click', act);
  return node;
}

function copyButton(text) {
  const copy = button('Copy', () => navigator.clipboard.writeText(text.textContent.trim()).then(
      () => { copy.textContent = 'Copied'; },
      () => {
        getSelection().selectAllChildren(text);
        copy.textContent = 'Selected';
      }));
  return copy;
}

const summaryOf = (mark, name, title, time) =>
    [mark, el('b', {}, name), ' ', el('span', {class: 'title soft'}, title), el('span', {class: 'time'}, time)];

// The filters are in the address, so that a view can be sent on: #?outcome=FAIL,FLAKY&tag=x&text=y

// `counts`: [outcome, its chip, how many]. Shows and hides stories, links to them, and what is sifted; calls `changed`
// with the ids of the stories that are shown.
function filterBar(counts, what, tags, changed = () => {}) {
  const boxes = counts.map(([value]) => el('input', {type: 'checkbox', value, checked: ''}));
  const tag = el('select', {}, el('option', {value: ''}, 'any'), [...tags].map((one) => el('option', {}, one)));
  const words = el('input', {type: 'search', size: 14, title: 'the key / leads here', 'aria-keyshortcuts': '/'});
  const output = el('output', {class: 'soft'});

  function show() {
    const unwanted = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
    const wanted = words.value.trim().toLowerCase().split(/\s+/);
    const has = (text) => wanted.every((word) => text.includes(word));
    const shown = new Set();
    for (const [id, {outcome, tags: own, text, ids}] of stories) {
      if (!ids && !unwanted.has(outcome) && (!tag.value || own.includes(tag.value)) && has(text)) shown.add(id);
    }
    const fits = (ids) => ids.some((id) => shown.has(id));
    for (const [id, {node, ids}] of stories) {
      node.hidden = ids ? !fits(ids) : !shown.has(id);
      for (const to of links.get(id) || []) to.hidden = node.hidden;
    }
    for (const {node, ids, text} of sifted)
      node.hidden = ids.length > 0 ? !fits(ids) : !has(text) || unwanted.size > 0 || tag.value !== '';
    for (const part of all('tbody')) {
      const rows = [...part.rows].filter((line) => !line.classList.contains('section'));
      part.hidden = rows.length > 0 && rows.every((line) => line.hidden);
    }
    const count = [...stories.values()].filter(({ids}) => !ids).length;
    output.textContent = `${shown.size} of ${count} cases`;
    changed(shown);
  }

  function keep() {
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
      const id = idIn(location.hash);
      stories.get(id)?.open();
      document.getElementById(id)?.scrollIntoView();
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
      button('Close all', eachShown((one) => { one.node.open = false; })), output);
  bar.addEventListener('input', keep);
  addEventListener('hashchange', visit);
  return {bar, start() { show(); visit(); }};
}

// Links to the sections of the page that are there, by their headings.
const contents = (main) => el('nav', {class: 'contents', 'aria-label': 'Contents'},
    all('section[id]', main).map((part) => el('a', {href: `#${part.id}`}, part.querySelector('h2').textContent)));

// How many there are of each key, in the order of their first.
const tally = (keys) => keys.reduce((counts, key) => counts.set(key, (counts.get(key) || 0) + 1), new Map());

// The story of a case. `views`: of each failure, the fields of its frames (frames.js).

// The first one's ladder is open.
function drawFailure(record, failure, i, views) {
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
      failure.sectors.map(drawSector), drawFrames(failure, views?.[i] || {}),
      failure.ladder.length > 0 && (i === 0 ? [el('h4', {}, 'The frames that led to it'), ladder(failure.ladder, dues)] :
          folded('The frames that led to it', ladder(failure.ladder, dues))),
      closer && [el('h3', {}, 'Around the failure'), closer]);
}

const drawFailures = (record, views) => record.failures.map((failure, i) => drawFailure(record, failure, i, views));

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
  return [el('h3', {}, 'Reproduce'), el('div', {class: 'copy'}, text, copyButton(text))];
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

function drawCase(record, views) {
  const whole = plot(record, 0, record.took_ns);
  return [
    el('dl', {class: 'facts'}, fact('clause', record.clauses.join(', ')), fact('level', record.level),
        fact('tags', record.tags.join(', ')), fact('file', record.file), fact('seed', record.seed),
        fact('requests', record.requests || ''), fact('frames', record.frames), fact('hit by faults', record.struck || ''),
        fact('retransmissions', record.retransmissions || ''),
        record.tries > 1 ? fact('tries', `${record.tries}, ${record.tries_passed} passed`) : '',
        fact('took', `${brief(record.took_ns)} in its world, ${brief(record.real_ns)} here`)),
    record.failures.length > 0 && el('dl', {class: 'rules'}, record.clauses.map((id) =>
        Object.hasOwn(catalogue.clauses, id) && fact(id, catalogue.clauses[id].rule))),
    record.reason && el('p', {}, record.reason),
    drawFailures(record, views),
    record.reproduce && drawReproduce(record.reproduce),
    whole && [el('h3', {}, 'The whole run'), whole, drawKey(record)],
    record.notes.length > 0 ? [el('h3', {}, 'Measured'), el('ul', {}, record.notes.map((note) => el('li', {}, note)))] : '',
    record.steps.length > 0 ? listSteps(record.steps) : '',
    record.yaml && folded('The scenario as it was run', el('pre', {}, record.yaml)),
    record.log && folded('Output of the implementation', el('pre', {}, record.log)),
    record.folder && drawFiles(record.folder),
  ];
}

const ruleOf = (id) => Object.hasOwn(catalogue.clauses, id) ? catalogue.clauses[id].rule : '';

const caseStory = (record, id, tags = record.tags, views = undefined) => story({
  id, tags, outcome: record.outcome,
  text: [record.id, record.title, record.file, ...record.clauses, ...record.clauses.map(ruleOf), record.reason].join(' '),
  summary: summaryOf(outcomeChip(record), record.id, record.title, brief(record.took_ns)),
  draw: () => drawCase(record, views),
});
