// What a failure is about, byte by byte: a request and its answer beside each other as their fields, and a sector that
// does not hold what it must.

const octetsOf = (hex) => hex.match(/../g) || [];
const FEW = 10;  // bytes of a field that are shown without being asked for

// Rows of 16 bytes: place, bytes, and the same as characters. `isMarked` says which bytes stand out.
function dump(hex, isMarked = () => false) {
  const octets = octetsOf(hex);
  const rows = [];
  for (let at = 0; at < octets.length; at += 16) {
    const part = octets.slice(at, at + 16);
    const marked = (words, i) => isMarked(at + i) ? el('mark', {}, words) : words;
    rows.push(at.toString(16).padStart(3, '0'), '  ', part.map((octet, i) => [marked(octet, i), ' ']),
        '   '.repeat(16 - part.length), ' ', part.map((octet, i) => marked(character(octet), i)), '\n');
  }
  return el('pre', {class: 'dump', tabindex: 0}, rows);
}

const character = (octet) => {
  const code = parseInt(octet, 16);
  return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : '.';
};

// A field is [name, value, place, size, is it wrong]. `line` is the frame's in the ladder.
function drawFields(line, fields) {
  const octets = octetsOf(line.bytes);
  return el('table', {class: 'fields'}, el('thead', {}, row(th('at'), th('bytes'), th('field'), th('value'))),
      el('tbody', {}, fields.map(([name, value, at, size, wrong]) => {
        const part = octets.slice(at, at + size);
        const bytes = part.length <= FEW ? part.join(' ') :
            el('details', {}, el('summary', {}, `${part.slice(0, FEW).join(' ')} \u2026`), dump(part.join('')));
        return el('tr', {class: wrong && 'wrong'}, number(at), el('td', {}, el('code', {}, bytes)),
            th(name), el('td', {}, wrong && el('strong', {}, '\u2715 '), value));
      })));
}

function drawFrame(line, fields) {
  const kind = line.to_target ? 'Request' : 'Answer';
  return el('section', {class: 'frame-view'},
      el('h4', {}, `${kind} #${line.frame} `, el('code', {class: 'soft'}, line.what)),
      el('div', {class: 'wide', tabindex: 0}, drawFields(line, fields)));
}

// `views`: the fields of each frame of the failure's ladder that has bytes, by its number.
function drawFrames({ladder: lines}, views) {
  const frames = lines.filter((line) => views[line.frame]);
  if (frames.length === 0) return '';
  const pairs = [];
  for (const line of frames) {
    const last = pairs.at(-1);
    if (line.to_target || !last || last.length > 1) pairs.push([line]);
    else last.push(line);
  }
  const draw = (pair) => el('div', {class: 'beside'}, pair.map((line) => drawFrame(line, views[line.frame])));
  const [first, second, ...others] = pairs;
  return [draw(first), second && draw(second),
    others.length > 0 && folded(quantity(others.length, 'more exchange'), others.map(draw))];
}

// Rows of both in which they differ, and how many do not between them.
function drawSector({lba, expected, actual}) {
  const [want, have] = [octetsOf(expected), octetsOf(actual)];
  const differs = (i) => want[i] !== have[i];
  const wrong = want.map((_, i) => i).filter(differs);
  const rows = [];
  let equal = 0;
  const skip = () => {
    if (equal > 0) rows.push(el('tr', {class: 'soft'}, el('td', {colspan: 3}, `\u22ee ${quantity(equal, 'equal row')}`)));
    equal = 0;
  };
  for (let at = 0; at < want.length; at += 16) {
    const places = want.slice(at, at + 16).map((_, i) => at + i);
    if (!places.some(differs)) {
      ++equal;
      continue;
    }
    skip();
    const side = (octets) => el('td', {}, el('code', {}, places.map((i) =>
        [differs(i) ? el('mark', {}, octets[i] ?? '--') : octets[i], ' '])));
    rows.push(row(number(at), side(want), side(have)));
  }
  skip();
  const [shown, rest] = [rows.slice(0, 9), rows.slice(9)];
  const heads = ['#byte', 'it must hold', 'it holds'];
  return [
    el('h4', {}, `Sector ${lba}: ${quantity(wrong.length, 'wrong byte')} of ${want.length}, the first is byte ${wrong[0]}`),
    table('diff', heads, shown),
    rest.length > 0 && folded(`${quantity(rest.length, 'more row')}`, table('diff', heads, rest)),
  ];
}
