'use strict';
// One run, or two side by side.

const detail = document.getElementById('detail');

let timelines = [];  // those that are shown

function drawTimelines() {
  for (const timeline of timelines) {
    timeline.draw();
    timeline.select(timeline.now);
  }
}

function difference(a, b) {
  return page.differences.find(({ runs }) => runs[0] === a && runs[1] === b);
}

function terms(entries) {
  const list = [];
  for (const [term, text, kind] of entries)
    if (text) list.push(element('dt', { text: term }), element('dd', { text, class: kind }));
  return list;
}

/** Why it ended as it did. */
function whyOf(run) {
  const { failure } = run;
  const entries = [];
  if (failure) {
    const times = failure.iteration ? `, ${failure.iteration[0]} of ${failure.iteration[1]}` : '';
    entries.push(['step', `${failure.step} (line ${failure.line}${times}):  ${failure.text}`, 'mono'],
      ['expected', failure.expected, 'mono'],
      ['came', failure.came + (failure.since ? `, ${failure.since}` : ''), 'mono came'], ['remark', failure.remark]);
  }
  const reason = textAt(run.reason);
  if (!failure || !reason.includes(failure.came)) entries.push(['reason', reason]);
  if (run.repeats) entries.push(['runs', `${run.repeats[0]} of ${run.repeats[1]} ended so`]);
  entries.push(['played again', run.retried], ['outcomes', (run.outcomes || []).map(([what, count]) => `${count} \u00d7 ${what}`).join('\n')],
    ['not asserted', (run.unasserted || []).map(textAt).join('\n')], ['source', textAt(run.source)],
    ['reference', (run.reference || []).map(textAt).join(', ')]);
  const list = terms(entries);
  return list.length ? element('dl', { class: `why ${run.verdict}` }, ...list) : null;
}

function side(index, parted) {
  const run = page.runs[index];
  const column = page.columns[run.column];
  const picture = pictureOf(run);
  const timeline = picture && picture.marks.length ? new Timeline(run, picture, parted) : null;
  const box = element('div', {},
    element('h2', {}, element('span', { class: `verdict ${run.verdict}`, text: run.verdict }), columnName(column) || 'not loaded'),
    whyOf(run),
    timeline ? timeline.element : element('p', { class: 'about', text: run.verdict === 'skip' ? '' : 'The events of this run are not on this page.' }));
  return { box, timeline };
}

/** Another run of the scenario to look at beside this one. */
function besideChoice(index) {
  const { row } = page.runs[index];
  const others = runsOfRow[row].filter((other) => other >= 0 && other !== index);
  if (others.length === 0) return null;
  const choice = element('select', { id: 'beside', 'aria-label': 'show another run of it beside this one' }, element('option', { value: '', text: 'beside it \u2026' }));
  for (const other of others)
    choice.append(element('option', { value: other, text: `${columnName(page.columns[page.runs[other].column])}: ${page.runs[other].verdict}` }));
  choice.addEventListener('change', () => { if (choice.value) openRuns([index, Number(choice.value)]); });
  return choice;
}

/** The failing run before or after this one, in the order of the matrix. */
function otherBad(index, step) {
  const all = matrix.rows.flatMap((row) => runsOfRow[row].filter((run) => run >= 0));
  for (let at = all.indexOf(index) + step; at >= 0 && at < all.length; at += step)
    if (bad.has(page.runs[all[at]].verdict)) return all[at];
  return -1;
}

function showRuns(indices) {
  const run = page.runs[indices[0]];
  const { name, file } = page.rows[run.row];
  const parting = indices.length === 2 ? difference(...indices) : undefined;
  const sides = indices.map((index, at) =>
    side(index, parting && { event: parting.events[at], text: at === 0 ? 'they part here' : 'and here' }));
  const button = (text, title, act) => element('button', { type: 'button', text, title, on: { click: act } });
  const nav = element('nav', {}, button('\u2190 all runs', 'Esc', closeRuns));
  for (const [step, text, key] of [[-1, 'previous failure', 'p'], [1, 'next failure', 'n']]) {
    const other = otherBad(indices[0], step);
    if (other >= 0) nav.append(button(text, key, () => openRuns([other])));
  }
  const choice = besideChoice(indices[0]);
  if (choice) nav.append(choice);
  detail.replaceChildren(nav, element('h1', { text: name, tabindex: -1 }), element('p', { class: 'about', text: file }),
    parting ? element('dl', { class: 'why' }, ...terms([[parting.known ? 'known to differ' : 'differ', parting.text, 'mono']])) : '',
    element('div', { class: `sides${indices.length === 2 ? ' two' : ''}` }, ...sides.map(({ box }) => box)));
  detail.hidden = false;
  document.getElementById('overview').hidden = true;
  timelines = sides.map(({ timeline }) => timeline).filter((timeline) => timeline);
  drawTimelines();
  window.scrollTo(0, 0);
  const focused = sides.find(({ timeline }) => timeline);
  (focused ? focused.timeline.box : detail.querySelector('h1')).focus({ preventScroll: true });
}
