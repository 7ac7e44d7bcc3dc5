// A checked capture.

const LEVELS = {must: 'FAIL', should: 'FLAKY', profile: 'FLAKY', info: 'UNSUPPORTED'};

function drawCapture({capture, found, hidden, timeline, round_trips: trips}) {
  const some = (count) => count > 0 ? count : '';

  function drawDevices() {
    const heads = ['device', 'target', '#requests', '#answered', '#unanswered', '#again', '#twice', '#outstanding',
      '#shortest', '#median', '#99 of 100', '#longest', 'errors'];
    return capture.devices.length > 0 && section('devices', 'Devices', table('devices', heads, capture.devices.map((device) => {
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
    return plots.length > 0 && section('times', 'Over time', plots);
  }

  const findingStory = (finding, i) => story({
    id: `finding:${i}`, outcome: finding.level, tags: [finding.kind], text: `${finding.kind} ${finding.clause} ${finding.text}`,
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
      section('findings', 'Findings', findings.length > 0 ? '' : el('p', {}, 'None.'), bar, findings.map(findingStory),
          Object.entries(hidden).map(([kind, count]) => el('p', {class: 'soft'}, `${count} more of ${kind}`))))]);
  start();
}
