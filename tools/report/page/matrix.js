'use strict';
// Scenarios against kernels and modes. Only the rows in sight are in the document.

const rowHeight = 26;
const matrix = {
  box: document.getElementById('matrix'),
  head: document.getElementById('head'),
  body: document.getElementById('rows'),
  search: document.getElementById('search'),
  chosen: { verdict: new Set(), kernel: new Set(), mode: new Set() },
  rows: [],     // indices of those that match
  columns: [],  // and of the columns
  active: { row: 0, column: 0 },  // places among these
  all: false,   // every row, for paper
};

/** Rows whose runs differ, in a page of irqbench diff. */
const parting = new Map();
for (const { runs, known } of page.differences)
  if (parting.get(page.runs[runs[0]].row) !== 'differ') parting.set(page.runs[runs[0]].row, known ? 'known to differ' : 'differ');

/** What a search looks into, made once for each row. */
const haystacks = page.rows.map((row, index) => {
  const words = [row.name, row.file, parting.get(index) || ''];
  for (const at of runsOfRow[index]) {
    if (at < 0) continue;
    const { failure, reason } = page.runs[at];
    words.push(textAt(reason));
    if (failure) words.push(failure.expected, failure.came, failure.text);
  }
  return words.join('\n').toLowerCase();
});

const allows = (kind, value) => matrix.chosen[kind].size === 0 || matrix.chosen[kind].has(value);
const runAt = (place, column) => {
  const index = runsOfRow[matrix.rows[place]][matrix.columns[column]];
  return index < 0 ? null : page.runs[index];
};

function filterMatrix() {
  const words = matrix.search.value.toLowerCase().split(/\s+/).filter((word) => word !== '');
  matrix.columns = page.columns.map((_, index) => index).filter((index) =>
    allows('kernel', page.columns[index].kernel) && allows('mode', page.columns[index].mode));
  matrix.rows = page.rows.map((_, index) => index).filter((row) =>
    words.every((word) => haystacks[row].includes(word)) &&
    matrix.columns.some((column) => runsOfRow[row][column] >= 0 && allows('verdict', page.runs[runsOfRow[row][column]].verdict)));
  matrix.active.row = Math.max(0, Math.min(matrix.active.row, matrix.rows.length - 1));
  matrix.active.column = Math.max(0, Math.min(matrix.active.column, matrix.columns.length - 1));
  document.getElementById('shown').textContent = matrix.rows.length === page.rows.length
    ? `${page.rows.length} scenarios` : `${matrix.rows.length} of ${page.rows.length} scenarios`;
  matrix.box.setAttribute('aria-rowcount', matrix.rows.length + 1);
  matrix.box.style.setProperty('--columns', matrix.columns.length);
  matrix.body.style.height = `${matrix.rows.length * rowHeight}px`;
  showHead();
  showRows();
}

function showHead() {
  const kernels = element('div', { class: 'row', role: 'row' }, element('div', { class: 'name' }));
  const modes = element('div', { class: 'row', role: 'row' }, element('div', { class: 'name', role: 'columnheader', text: 'scenario' }));
  for (let i = 0; i < matrix.columns.length;) {
    const { kernel } = page.columns[matrix.columns[i]];
    let end = i;
    for (; end < matrix.columns.length && page.columns[matrix.columns[end]].kernel === kernel; ++end) {
      const { mode } = page.columns[matrix.columns[end]];
      modes.append(element('div', { role: 'columnheader', text: mode || 'not loaded' }));
    }
    const over = element('div', { class: 'kernel', title: kernel, text: kernel });
    over.style.gridColumn = `span ${end - i}`;
    kernels.append(over);
    i = end;
  }
  matrix.head.replaceChildren(kernels, modes);
}

function cellOf(place, column) {
  const run = runAt(place, column);
  const first = column === 0 || page.columns[matrix.columns[column]].kernel !== page.columns[matrix.columns[column - 1]].kernel;
  const classes = ['cell', first ? 'first' : ''];
  if (!run) return element('div', { class: [...classes, 'none'].join(' '), role: 'gridcell', id: `cell-${place}-${column}` });
  classes.push(run.verdict, run.picture ? 'drawn' : '', allows('verdict', run.verdict) ? '' : 'dim');
  const repeats = run.repeats && bad.has(run.verdict) ? ` ${run.repeats[0]}/${run.repeats[1]}` : '';
  return element('div', {
    class: classes.join(' '), role: 'gridcell', id: `cell-${place}-${column}`,
    title: textAt(run.reason), text: (bad.has(run.verdict) ? run.verdict.toUpperCase() : run.verdict) + repeats,
    'data-run': run.index,
  });
}

function rowAt(place) {
  const { name, file } = page.rows[matrix.rows[place]];
  const row = element('div', { class: 'row', role: 'row', 'aria-rowindex': place + 2 },
    element('div', { class: 'name', role: 'rowheader', title: `${name}\n${file}` },
      parting.has(matrix.rows[place]) ? element('span', { class: `parting ${parting.get(matrix.rows[place])}`, text: parting.get(matrix.rows[place]) }) : null,
      element('span', { text: name }), name === file ? null : element('span', { class: 'file', text: file })));
  row.style.top = `${place * rowHeight}px`;
  matrix.columns.forEach((_, column) => row.append(cellOf(place, column)));
  return row;
}

function showRows() {
  const first = matrix.all ? 0 : Math.max(0, Math.floor(matrix.box.scrollTop / rowHeight) - 8);
  const last = matrix.all ? matrix.rows.length
    : Math.min(matrix.rows.length, Math.ceil((matrix.box.scrollTop + matrix.box.clientHeight) / rowHeight) + 8);
  const made = [];
  for (let place = first; place < last; ++place) made.push(rowAt(place));
  matrix.body.replaceChildren(...made);
  showActive();
}

function showActive() {
  for (const each of matrix.body.querySelectorAll('.active')) each.classList.remove('active');
  const id = `cell-${matrix.active.row}-${matrix.active.column}`;
  const cell = document.getElementById(id);
  if (!cell) return matrix.box.removeAttribute('aria-activedescendant');
  cell.classList.add('active');
  matrix.box.setAttribute('aria-activedescendant', id);
}

function moveTo(row, column) {
  matrix.active.row = Math.max(0, Math.min(row, matrix.rows.length - 1));
  matrix.active.column = Math.max(0, Math.min(column, matrix.columns.length - 1));
  const top = matrix.active.row * rowHeight;
  const room = matrix.box.clientHeight - matrix.head.offsetHeight;
  if (top < matrix.box.scrollTop) matrix.box.scrollTop = top;
  if (top + rowHeight > matrix.box.scrollTop + room) matrix.box.scrollTop = top + rowHeight - room;
  showRows();
}

/** To the next cell, or the previous one, that failed or is in error. */
function moveToBad(step) {
  const columns = matrix.columns.length;
  const count = matrix.rows.length * columns;
  let at = matrix.active.row * columns + matrix.active.column;
  for (let tried = 0; tried < count; ++tried) {
    at = (at + step + count) % count;
    const run = runAt(Math.floor(at / columns), at % columns);
    if (run && bad.has(run.verdict)) return moveTo(Math.floor(at / columns), at % columns);
  }
}

function chipsOf(kind, legend, words, count) {
  const box = element('fieldset', {}, element('legend', { text: legend }));
  for (const word of words) {
    const chip = element('button', { type: 'button', class: kind === 'verdict' ? word : '', 'aria-pressed': 'false', 'data-filter': `${kind}:${word}`, text: count ? `${word} ${count(word)}` : word });
    chip.addEventListener('click', () => {
      const chosen = matrix.chosen[kind];
      if (!chosen.delete(word)) chosen.add(word);
      chip.setAttribute('aria-pressed', chosen.has(word));
      matrix.box.scrollTop = 0;
      filterMatrix();
    });
    box.append(chip);
  }
  return box;
}

function keyInMatrix(event) {
  const { row, column } = matrix.active;
  const screen = Math.max(1, Math.floor(matrix.box.clientHeight / rowHeight) - 3);
  const moves = {
    ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
    PageUp: [row - screen, column], PageDown: [row + screen, column],
    Home: event.ctrlKey ? [0, 0] : [row, 0], End: event.ctrlKey ? [matrix.rows.length - 1, column] : [row, matrix.columns.length - 1],
  };
  if (moves[event.key]) moveTo(...moves[event.key]);
  else if (event.key === 'Enter' || event.key === ' ') {
    const run = matrix.rows.length ? runAt(row, column) : null;
    if (run) openRuns([run.index]);
  } else return;
  event.preventDefault();
}

function makeMatrix() {
  const words = (kind) => [...new Set(page.columns.map((column) => column[kind]).filter((word) => word !== ''))];
  const count = (word) => page.runs.filter((run) => run.verdict === word).length;
  const chips = document.getElementById('chips');
  chips.append(chipsOf('verdict', 'verdict', verdicts.filter((word) => count(word) > 0), count));
  if (words('mode').length > 1) chips.append(chipsOf('mode', 'mode', words('mode')));
  if (words('kernel').length > 1) chips.append(chipsOf('kernel', 'kernel', words('kernel')));
  matrix.search.addEventListener('input', () => { matrix.box.scrollTop = 0; filterMatrix(); });
  document.getElementById('filters').addEventListener('submit', (event) => event.preventDefault());
  matrix.box.addEventListener('scroll', () => requestAnimationFrame(showRows));
  matrix.box.addEventListener('keydown', keyInMatrix);
  matrix.body.addEventListener('click', (event) => {
    const cell = event.target.closest('[data-run]');
    if (!cell) return;
    [matrix.active.row, matrix.active.column] = cell.id.split('-').slice(1).map(Number);
    openRuns([Number(cell.dataset.run)]);
  });
  window.addEventListener('resize', showRows);
  window.addEventListener('beforeprint', () => { matrix.all = true; showRows(); });
  window.addEventListener('afterprint', () => { matrix.all = false; showRows(); });
  filterMatrix();
}
