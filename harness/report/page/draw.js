// What the views of page.js are drawn with: elements, words for numbers, ladders and plots.
//
// Text of a frame, a log or a scenario may hold anything. It reaches the page through `fill` only, as text nodes
// and attribute values; nothing here parses markup.
'use strict';

// Elements.

// Control characters and those that change the direction of text become U+FFFD.
const printable = (text) => String(text).replace(
    /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/g, '\ufffd');

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) node.setAttribute(name, printable(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child instanceof Node) node.append(child);
    else if (child !== undefined && child !== null && child !== false && child !== '') node.append(printable(child));
  }
  return node;
}

// el('td', {class: 'number'}, 17): strings, numbers, nodes and lists of them; undefined, false and '' are left out.
const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) =>
    fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);

const soft = (...words) => el('span', {class: 'soft'}, words);
const chip = (kind, words = kind) => el('span', {class: `chip ${kind}`}, words);
const th = (...words) => el('th', {}, words);
const cellOf = (tag, content) => content instanceof HTMLTableCellElement ? content : el(tag, {}, content);
const row = (...cells) => el('tr', {}, cells.flat(Infinity).map((cell) => cellOf('td', cell)));
const number = (words) => el('td', {class: 'number'}, words);
const section = (id, name, ...children) => el('section', {id}, el('h2', {}, name), children);
const fact = (name, value) =>
    value === '' || value === undefined ? '' : el('div', {}, el('dt', {}, name), el('dd', {}, value));
// Closed until a reader opens it.
const folded = (name, ...children) => el('details', {class: 'fold'}, el('summary', {}, name), children);
// Scrolls sideways where it is wider than the page. A head that begins with # is that of a column of numbers.
const table = (kind, heads, rows) => el('div', {class: 'wide', tabindex: 0}, el('table', {class: kind},
    el('thead', {}, el('tr', {}, heads.flat().map((head) => typeof head === 'string' && head.startsWith('#') ?
        el('th', {class: 'number'}, head.slice(1)) : cellOf('th', head)))),
    el('tbody', {}, rows)));

// Words for numbers. Times are in nanoseconds.

// To three digits: "3.59s", "112ms", "41.2us", "2min 5s".
function brief(time) {
  if (time < 0) return `-${brief(-time)}`;
  if (time >= 100e9) {
    const seconds = Math.round(time / 1e9);
    return `${Math.floor(seconds / 60)}min ${seconds % 60}s`;
  }
  const [unit, size] = [['ns', 1], ['us', 1e3], ['ms', 1e6], ['s', 1e9]].find(([name, size]) =>
      name === 's' || time / size < 999.5);
  const value = time / size;
  if (Number.isInteger(value)) return value + unit;
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0) + unit;
}

const milliseconds = (time) => (time / 1e6).toFixed(3);
const quantity = (count, noun) => `${count} ${noun}${count === 1 ? '' : /[sx]$/.test(noun) ? 'es' : 's'}`;

// Ladders: frames between two ends, a row each, with an arrow for its way.

// Was what was due there in its time?
const isMet = (due) => due.came_ns !== null && due.came_ns >= due.earliest_ns && due.came_ns <= due.latest_ns;

// Red and cut short where the frame was dropped; without a line, only the two ends.
function arrow(line) {
  const lives = svg('path', {class: 'life', d: 'M6 0V22M144 0V22'});
  const box = {viewBox: '0 0 150 22', preserveAspectRatio: 'none'};
  if (!line) return svg('svg', {...box, 'aria-hidden': true}, lives);
  const dropped = line.fate.startsWith('dropped');
  const begin = line.to_target ? 6 : 144;
  const end = dropped ? 75 : 150 - begin;
  const label = `to the ${line.to_target ? 'target' : 'initiator'}${dropped ? ', lost' : ''}`;
  return svg('svg', {...box, role: 'img', 'aria-label': label}, lives,
      svg('path', {class: `wire${line.struck && !dropped ? ' dashed' : ''}`, d: `M${begin} 11H${end}`}),
      dropped ? svg('path', {class: 'lost', d: `M${end - 6} 5l12 12m0-12l-12 12`}) :
          svg('path', {class: 'head', d: `M${end} 11l${line.to_target ? -9 : 9} -4v8Z`}));
}

// `dues`: time windows whose edges are drawn among the frames.
function ladder(lines, dues = []) {
  if (lines.length === 0) return '';
  const first = lines[0];
  const rungs = lines.map((line) => ({at: line.at_ns, line}));
  for (const due of dues) {
    const late = due.came_ns === null || due.came_ns > due.latest_ns;
    rungs.push({at: due.earliest_ns, edge: `earliest time for ${due.what}`});
    rungs.push({at: due.latest_ns, edge: `latest time for ${due.what}${late ? ', and it has not come' : ''}`});
  }
  const time = (words) => el('td', {class: 'time'}, words);
  const rows = rungs.sort((one, other) => one.at - other.at).map(({at, line, edge}) => {
    const since = time(milliseconds(at - first.at_ns));
    if (!line) return el('tr', {class: 'edge'}, since, el('td'), el('td', {}, arrow()), el('td', {colspan: 2}, edge));
    const inside = dues.some((due) => at >= due.earliest_ns && at <= due.latest_ns);
    const kind = ['frame', line.struck && 'struck', line.guilty && 'guilty', inside && 'inside'];
    return [
      line.gap_before ? el('tr', {class: 'gap'}, time('\u22ee'), el('td'), el('td', {}, arrow()),
          el('td', {colspan: 2}, 'other frames')) : '',
      el('tr', {class: kind.filter(Boolean).join(' ')}, since, number(line.frame), el('td', {}, arrow(line)),
          el('td', {}, line.what), el('td', {}, line.fate || soft('delivered'))),
    ];
  });
  const ends = el('span', {class: 'ends'}, el('span', {}, 'initiator'), el('span', {}, 'target'));
  return [table('ladder', ['#t (ms)', '##', ends, 'frame', 'fate'], rows),
    el('p', {class: 'soft'}, `t counts from frame #${first.frame}, ${brief(first.at_ns)} after the start.`)];
}

// Plots over time, in units of the SVG.

const [LEFT, RIGHT, WIDTH] = [64, 748, 760];
const [STEPS, STRIP, NAME] = [18, 14, 16];  // heights

function axisOf(from, until) {
  const end = Math.max(until, from + 1);
  return {
    shows: (begin, last = begin) => last >= from && begin <= end,
    // Times beyond the ends are at the ends.
    x: (at) => LEFT + (Math.min(Math.max(at, from), end) - from) / (end - from) * (RIGHT - LEFT),
    // A grid of about eight round times, with their names below.
    draw(top, bottom) {
      const power = 10 ** Math.floor(Math.log10((end - from) / 8));
      const step = Math.max(1, power * [1, 2, 5, 10].find((factor) => (end - from) / 8 / power <= factor * 1.000001));
      const ticks = [];
      for (let at = Math.ceil(from / step) * step; at <= end; at += step) ticks.push(at);
      return ticks.map((at) => [
        svg('path', {class: 'grid', d: `M${this.x(at).toFixed(1)} ${top}V${bottom}`}),
        label(this.x(at), bottom + 13, this.x(at) > RIGHT - 20 ? 'end' : 'middle', at === 0 ? 0 : brief(at)),
      ]);
    },
    from, until: end,
  };
}

const label = (x, y, anchor, words) => svg('text', {x: x.toFixed(1), y: y.toFixed(1), 'text-anchor': anchor}, words);

// A band with a scale of its own, from 0 at the bottom to `most` at the top.
const panelOf = (top, height, most) =>
    ({top, height, bottom: top + height, y: (value) => top + height * (1 - value / most)});
const frameOf = (panel, name) => [
  svg('rect', {class: 'panel', x: LEFT, y: panel.top, width: RIGHT - LEFT, height: panel.height}),
  label(LEFT, panel.top - 4, 'start', name),
];
const scaleOf = (panel, most) =>
    [label(LEFT - 6, panel.top + 9, 'end', most), label(LEFT - 6, panel.bottom, 'end', 0)];
const plotOf = (height, words, ...children) =>
    el('div', {class: 'plot'}, svg('svg', {viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': words}, children));

// Samples are [at_ns, outstanding, window, rto_ns].
const OUTSTANDING = 1, SIZE = 2, TIMEOUT = 3;
const mostOf = (samples, column) => samples.reduce((most, sample) => Math.max(most, sample[column]), 0);

// A value that holds until the next sample: for each place of the axis its least, its most and its last.
function curve(samples, column, axis, panel) {
  const places = new Map();
  samples.forEach((sample, i) => {
    const over = i + 1 < samples.length && samples[i + 1][0] <= axis.from;
    if (over || sample[0] > axis.until) return;
    const x = Math.round(axis.x(sample[0]));
    const now = sample[column];
    const {least, most} = places.get(x) || {least: now, most: now};
    places.set(x, {least: Math.min(least, now), most: Math.max(most, now), last: now});
  });
  let path = '';
  for (const [x, {least, most, last}] of places) {
    const [low, high, end] = [least, most, last].map((value) => panel.y(value).toFixed(1));
    path += (path ? `H${x}` : `M${x} ${low}`) + (most > least ? `V${low}V${high}` : '') + `V${end}`;
  }
  return path && {start: places.keys().next().value, path: `${path}H${RIGHT}`};
}

function drawSteps(steps, axis) {
  return steps.filter((step) => axis.shows(step.began_ns, step.ended_ns)).map((step) => {
    const x = axis.x(step.began_ns);
    const width = Math.max(axis.x(step.ended_ns) - x, 1);
    return svg('g', {class: step.met ? 'step' : 'step unmet'},
        svg('title', {}, `${step.word} ${step.text} (${brief(step.ended_ns - step.began_ns)})`),
        svg('rect', {x: x.toFixed(1), y: 0, width: width.toFixed(1), height: STEPS - 2}),
        step.word.length * 6.5 + 6 < width ? label(x + 4, 12, 'start', step.word) : '');
  });
}

// Bands across the panels, and where in them it came.
function drawDues(dues, axis, top, bottom) {
  return dues.filter((due) => axis.shows(due.since_ns, due.came_ns ?? due.latest_ns)).map((due) => {
    const x = axis.x(due.earliest_ns);
    const came = due.came_ns === null ? 'never came' : `came after ${brief(due.came_ns - due.since_ns)}`;
    const at = axis.x(due.came_ns ?? 0).toFixed(1);
    return svg('g', {class: isMet(due) ? 'due' : 'due unmet'},
        svg('title', {}, `${due.what}: due ${brief(due.earliest_ns - due.since_ns)} to ` +
            `${brief(due.latest_ns - due.since_ns)} after, ${came}`),
        svg('rect', {x: x.toFixed(1), y: top, height: bottom - top,
          width: Math.max(axis.x(due.latest_ns) - x, 1.5).toFixed(1)}),
        due.came_ns !== null && axis.shows(due.came_ns) ? svg('line', {x1: at, x2: at, y1: top, y2: bottom}) : '');
  });
}

// Marks on a strip: faults above, retransmissions below; one where more fall together.
function drawIncidents(incidents, axis, top) {
  const taken = new Set();
  return incidents.filter((incident) => axis.shows(incident.at_ns)).map((incident) => {
    const again = incident.text.startsWith('retransmission');
    const x = axis.x(incident.at_ns);
    const place = `${Math.floor(x)} ${again}`;
    if (taken.has(place)) return '';
    taken.add(place);
    return svg('path', {class: again ? 'again' : 'struck',
      d: `M${x.toFixed(1)} ${again ? top + STRIP / 2 : top}v${STRIP / 2}`},
    svg('title', {}, `#${incident.frame} ${incident.text} at ${brief(incident.at_ns)}`));
  });
}

// What of a case happened between two instants; '' where nothing was recorded.
function plot({samples, steps, dues, incidents}, from, until) {
  if (samples.length === 0 && steps.length === 0) return '';
  const axis = axisOf(from, until);
  const top = steps.length > 0 ? STEPS : 0;
  const curves = [];
  let bottom = top;
  if (samples.length > 0) {
    const most = Math.max(mostOf(samples, OUTSTANDING), mostOf(samples, SIZE), 1);
    const panel = panelOf(bottom + NAME, 110, most * 1.05);
    bottom = panel.bottom;
    const open = curve(samples, OUTSTANDING, axis, panel);
    if (open) {
      curves.push(svg('path', {class: 'area', d: `${open.path}V${bottom}H${open.start}Z`}),
          svg('path', {class: 'open', d: open.path}));
    }
    if (mostOf(samples, SIZE) > 0)
      curves.push(svg('path', {class: 'window', d: curve(samples, SIZE, axis, panel).path}));
    curves.push(frameOf(panel, 'outstanding requests, and the window (dashed)'), scaleOf(panel, most));
  }
  const timeout = mostOf(samples, TIMEOUT);
  if (timeout > 0) {
    const panel = panelOf(bottom + NAME, 56, timeout * 1.15);
    bottom = panel.bottom;
    curves.push(svg('path', {class: 'rto', d: curve(samples, TIMEOUT, axis, panel).path}),
        frameOf(panel, 'retransmission timeout'), scaleOf(panel, brief(timeout)));
  }
  const strip = bottom + 4;
  if (incidents.length > 0) bottom = strip + STRIP;
  return plotOf(bottom + 18, `From ${brief(axis.from)} to ${brief(axis.until)} of the run: ` +
      `${mostOf(samples, OUTSTANDING)} outstanding at most, ${quantity(incidents.length, 'incident')}, ` +
      `${quantity(steps.length, 'step')}`,
  axis.draw(top, bottom), drawDues(dues, axis, top, bottom), drawSteps(steps, axis), curves,
  drawIncidents(incidents, axis, strip));
}

// Round trips [at_ns, took_ns], each a dot, by powers of ten.
function plotRoundTrips(trips, until) {
  if (trips.length === 0) return '';
  const axis = axisOf(0, until);
  const exponents = trips.map(([, took]) => Math.log10(Math.max(took, 1)));
  const least = Math.floor(exponents.reduce((one, other) => Math.min(one, other)));
  const most = Math.max(Math.ceil(exponents.reduce((one, other) => Math.max(one, other))), least + 1);
  const panel = panelOf(NAME, 110, most - least);
  const lines = [];
  for (let power = least; power <= most; ++power) {
    const y = panel.y(power - least);
    lines.push(svg('path', {class: 'grid', d: `M${LEFT} ${y.toFixed(1)}H${RIGHT}`}),
        label(LEFT - 6, y + 4, 'end', brief(Math.round(10 ** power))));
  }
  const dots = trips.map(([at], i) => svg('circle',
      {class: 'dot', cx: axis.x(at).toFixed(1), cy: panel.y(exponents[i] - least).toFixed(1), r: 1.5}));
  return plotOf(panel.bottom + 18, 'Round trips', axis.draw(panel.top, panel.bottom), lines, dots,
      frameOf(panel, 'round trips'));
}
