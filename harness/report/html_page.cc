#include "harness/report/html_page.h"

#include <fmt/format.h>

#include "harness/report/text.h"

namespace aoe::harness {
namespace {

constexpr std::string_view style = R"css(
:root {
  color-scheme: light dark;
  --paper: #fff; --sheet: #f6f7f9; --ink: #1c2128; --soft: #59636e; --rule: #d5dae0;
  --link: #0757b8; --good: #12703a; --good-paper: #dff3e5; --bad: #b3141f; --bad-paper: #fde4e4;
  --warn: #835200; --warn-paper: #fdf0d0; --mute: #545d68; --mute-paper: #e8ebef;
  --open: #2266c7; --open-paper: #2266c724; --due: #12703a33; --due-bad: #b3141f22;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171c; --sheet: #1c2128; --ink: #e6e9ed; --soft: #9aa5b1; --rule: #363d47;
    --link: #79b0f5; --good: #6fd394; --good-paper: #17392480; --bad: #ff8f8f; --bad-paper: #4a1b1f;
    --warn: #eebf5f; --warn-paper: #43330f; --mute: #a9b3be; --mute-paper: #2a313a;
    --open: #79b0f5; --open-paper: #79b0f526; --due: #6fd39430; --due-bad: #ff8f8f2e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem clamp(.75rem, 3vw, 2rem) 4rem; max-width: 72rem;
  background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .6rem; }
h3 { font-size: .95rem; margin: 1.4rem 0 .4rem; }
p { margin: .5rem 0; max-width: 48rem; }
a { color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
code, pre, .ladder, .where { font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
code, .where { font-size: .88em; overflow-wrap: anywhere; }
pre {
  margin: .4rem 0; padding: .7rem .8rem; overflow-x: auto; background: var(--sheet);
  border: 1px solid var(--rule); border-radius: 6px; font-size: .82rem; line-height: 1.45;
}
.soft { color: var(--soft); }
.facts { display: flex; flex-wrap: wrap; gap: .3rem 1.6rem; margin: .6rem 0; padding: 0; }
.facts div { display: flex; gap: .45rem; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.chip {
  display: inline-block; padding: 0 .5em; border-radius: 4px; font-size: .78rem; font-weight: 600;
  line-height: 1.65; white-space: nowrap; color: var(--mute); background: var(--mute-paper);
  text-decoration: none;
}
.PASS { color: var(--good); background: var(--good-paper); }
.FAIL, .ERROR, .XPASS { color: var(--bad); background: var(--bad-paper); }
.FLAKY, .INCONCLUSIVE { color: var(--warn); background: var(--warn-paper); }
a.chip:hover { text-decoration: underline; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0; }
thead th { color: var(--soft); font-weight: 500; border-bottom: 1px solid var(--rule); }
tbody tr + tr > * { border-top: 1px solid var(--rule); }
tbody th { font-weight: 500; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.chips { display: flex; flex-wrap: wrap; gap: .3rem; }
.matrix th { min-width: 16rem; max-width: 22rem; overflow-wrap: anywhere; }
.matrix th .soft { font-weight: 400; font-size: .85rem; line-height: 1.3; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; max-width: none; font-size: .88rem; }
h1 .chip { font-size: .8em; margin-right: .3rem; }
.filters {
  display: flex; flex-wrap: wrap; gap: .5rem .8rem; align-items: center; margin: .8rem 0;
  padding: .6rem .8rem; background: var(--sheet); border: 1px solid var(--rule); border-radius: 6px;
}
.filters[hidden] { display: none; }
.filters input, .filters select, button {
  font: inherit; font-size: .88rem; color: inherit; background: var(--paper); padding: .15rem .5rem;
  border: 1px solid var(--rule); border-radius: 4px; max-width: 100%;
}
.filters label { display: inline-flex; gap: .4rem; align-items: center; }
.filters input[type=checkbox] { accent-color: var(--link); }
button { cursor: pointer; }
.bar { display: block; height: .5rem; min-width: 2px; border-radius: 2px; background: var(--open); }
.bars { width: 10rem; }
.case { border: 1px solid var(--rule); border-radius: 6px; margin: .45rem 0; }
.case > summary {
  cursor: pointer; padding: .45rem .8rem; display: flex; flex-wrap: wrap; gap: .15rem .7rem;
  align-items: baseline; list-style-position: inside;
}
.case > summary::before { content: "\25b8"; color: var(--soft); width: .8em; }
.case[open] > summary::before { content: "\25be"; }
.case > summary::-webkit-details-marker { display: none; }
.case[open] > summary { border-bottom: 1px solid var(--rule); }
.case > summary b { overflow-wrap: anywhere; }
.case > summary .time { margin-left: auto; color: var(--soft); font-variant-numeric: tabular-nums; }
.body { padding: .3rem .9rem 1rem; }
.fold > summary { cursor: pointer; color: var(--soft); margin: .5rem 0; }
.failure { border-left: 3px solid var(--bad); padding-left: .9rem; margin: 1rem 0; }
.verdicts { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; margin: .4rem 0; }
.verdicts dt { color: var(--soft); }
.verdicts dd { margin: 0; overflow-wrap: anywhere; }
.ladder { font-size: .8rem; }
.ladder td { padding: 0 .8rem 0 0; vertical-align: middle; white-space: nowrap; border: 0 !important; }
.ladder th { padding: 0 .8rem .2rem 0; font-family: system-ui, sans-serif; }
.ladder td.time { text-align: right; padding-left: .6rem; border-left: 4px solid var(--rule) !important; }
.ladder tr.inside td.time { border-left-color: var(--good) !important; }
.ladder tr.edge td { color: var(--good); font-family: system-ui, sans-serif; }
.ladder tr.edge td.time { font-family: ui-monospace, "DejaVu Sans Mono", monospace; border-left-color: var(--good) !important; }
.ladder tr.struck td { color: var(--bad); }
.ladder tr.guilty td { font-weight: 700; }
.ladder tr.gap td { color: var(--soft); }
.ladder svg { display: block; width: 150px; height: 22px; overflow: visible; }
.ladder { line-height: 22px; border-spacing: 0; }
.ladder svg * { vector-effect: non-scaling-stroke; stroke: currentColor; fill: none; stroke-width: 1.5; }
.ladder svg .life { stroke: var(--rule); }
.ladder svg .head { fill: currentColor; stroke: none; }
.ladder svg .dashed { stroke-dasharray: 5 3; }
.ladder tr.guilty svg .wire { stroke-width: 2.5; }
.ends { display: flex; justify-content: space-between; width: 150px; }
.plot { overflow-x: auto; margin: .5rem 0; }
.plot svg { display: block; width: 100%; min-width: 620px; height: auto; }
.plot text { font: 10.5px system-ui, sans-serif; fill: var(--soft); }
.panel { fill: none; stroke: var(--rule); }
.grid { stroke: var(--rule); stroke-dasharray: 2 3; }
.area { fill: var(--open-paper); }
.open { fill: none; stroke: var(--open); stroke-width: 1.2; }
.window { fill: none; stroke: var(--warn); stroke-width: 1.4; stroke-dasharray: 5 3; }
.rto { fill: none; stroke: var(--ink); stroke-width: 1.2; }
.step rect { fill: var(--mute-paper); stroke: var(--paper); }
.step.unmet rect { fill: var(--bad-paper); stroke: var(--bad); }
.step.unmet text { fill: var(--bad); }
.due rect { fill: var(--due); }
.due line { stroke: var(--good); stroke-width: 2; }
.due.unmet rect { fill: var(--due-bad); stroke: var(--bad); stroke-dasharray: 3 2; }
.due.unmet line { stroke: var(--bad); }
path.struck { stroke: var(--bad); stroke-width: 2; }
path.again { stroke: var(--warn); stroke-width: 2; }
.dot { fill: var(--open); }
.key { display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; font-size: .82rem; color: var(--soft); }
.key i { display: inline-block; width: 1.1em; height: .75em; margin-right: .4em; }
.steps td { overflow-wrap: anywhere; }
.steps tr.unmet { color: var(--bad); }
.rules { margin: .6rem 0; }
.rules div { display: flex; gap: .6rem; }
.rules dt { color: var(--soft); min-width: 3.5rem; }
.rules dd { margin: 0; }
.section th { padding-top: 1.1rem; font-weight: 600; }
.clauses td:last-child { max-width: 40rem; }
.verdict-matrix { width: 100%; }
.verdict-matrix .id { min-width: 0; width: 9rem; }
.verdict-matrix .rule { min-width: 14rem; }
.verdict-matrix .cell { min-width: 6rem; width: 7.5rem; max-width: 7.5rem; }
.others { list-style: none; padding: 0; font-size: .88rem; overflow-wrap: anywhere; }
.clauses .chips { margin-top: .25rem; }
.copy { display: flex; gap: .5rem; align-items: flex-start; }
.copy pre { flex: 1; margin: 0; }
.copy button[hidden] { display: none; }
@media (max-width: 600px) {
  body { font-size: 14px; }
  .verdicts { grid-template-columns: 1fr; }
  .verdicts dd { margin-bottom: .3rem; }
  .failed thead, .matrix thead { display: none; }
  .failed tr, .matrix tr { display: block; padding: .4rem 0; }
  .matrix th { min-width: 0; max-width: none; }
  .failed tr > *, .matrix tr > * { display: block; padding: .1rem 0; border: 0 !important; }
  .verdict-matrix thead { display: table-header-group; }
  .verdict-matrix tr { display: table-row; }
  .verdict-matrix tr > * { display: table-cell; padding: .3rem .9rem .3rem 0; }
  .ladder svg, .ends { width: 84px; }
  .ends span { font-size: .7rem; }
  .failed tr + tr, .matrix tr + tr { border-top: 1px solid var(--rule); }
  .case > summary .title { flex-basis: 100%; }
}
@media print {
  :root { color-scheme: light; }
  body { max-width: none; font-size: 10pt; padding: 0; }
  .filters, button { display: none !important; }
  .case { break-inside: auto; }
  .failure, .plot, tr { break-inside: avoid; }
  pre, .wide, .plot { overflow: visible; white-space: pre-wrap; }
  .plot svg { min-width: 0; }
}
)css";

// The filters are in the address, so that a view can be sent on: #?outcome=FAIL,FLAKY&tag=x&text=y
constexpr std::string_view script = R"js(
'use strict';
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const bar = document.querySelector('.filters');
const [words, tag] = ['input[type=search]', 'select'].map((kind) => bar.querySelector(kind));
const boxes = all('input[type=checkbox]', bar);
const cases = all('.case');

function show() {
  const outcomes = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  const wanted = words.value.trim().toLowerCase().split(/\s+/);
  let shown = 0;
  for (const one of cases) {
    const {outcome, tags, text} = one.dataset;
    const fits = outcomes.has(outcome) && (!tag.value || tags.split('\n').includes(tag.value)) &&
        wanted.every((word) => text.includes(word));
    one.hidden = !fits;
    for (const link of all(`[href="#${one.id}"]`)) link.hidden = !fits;
    shown += fits;
  }
  for (const row of all('.matrix tbody tr')) row.hidden = all('.chip', row).every((c) => c.hidden);
  bar.querySelector('output').textContent = `${shown} of ${cases.length} cases`;
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
  if (location.hash.startsWith('#?')) {
    const state = new URLSearchParams(location.hash.slice(2));
    const outcomes = state.get('outcome');
    for (const box of boxes)
      box.checked = outcomes === null || outcomes.split(',').includes(box.value);
    tag.value = state.get('tag') || '';
    words.value = state.get('text') || '';
    show();
    return;
  }
  const target = cases.find((one) => `#${one.id}` === location.hash);
  if (!target) return;
  target.open = true;
  target.scrollIntoView();
}

bar.hidden = false;
bar.addEventListener('input', changed);
for (const button of all('button[data-open]', bar)) {
  button.addEventListener('click', () => {
    for (const one of cases) if (!one.hidden) one.open = button.dataset.open === 'yes';
  });
}
for (const button of all('.copy button')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const text = button.parentNode.querySelector('pre').textContent.trim();
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(button.parentNode.querySelector('pre'));
      button.textContent = 'Selected';
    }
  });
}
addEventListener('beforeprint', () => {
  for (const one of cases) if (!['PASS', 'UNSUPPORTED'].includes(one.dataset.outcome)) one.open = true;
});
addEventListener('hashchange', visit);
for (const link of all('a[href^="#case-"]')) link.addEventListener('click', () => {
  document.querySelector(link.getAttribute('href')).open = true;
});
show();
visit();
)js";

/// base64(SHA-256(script)): only this script may run, whatever else finds its way into the page.
constexpr std::string_view script_digest = "D6HYpJZzctKEAUI9zajKy1KxKeaTRTxErhW/jziB8XA=";

}  // namespace

std::string page_begin(std::string_view title) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; script-src 'sha256-{}'; img-src data:; base-uri 'none'; "
      "form-action 'none'\">\n"
      "<title>{}</title>\n<link rel=\"icon\" "
      "href=\"data:,\">\n<style>{}</style>\n</head>\n<body>\n",
      script_digest, markup(one_line(title)), style);
}

std::string page_end() {
  return fmt::format("<script>{}</script>\n</body>\n</html>\n", script);
}

}  // namespace aoe::harness
