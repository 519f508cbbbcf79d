'use strict';
// What html_page() wrote, and the few functions that everything here is built with.

const page = JSON.parse(document.getElementById('data').textContent);
const bad = new Set(['fail', 'error']);
const verdicts = ['fail', 'error', 'known', 'pass', 'skip'];

/** An element. Text comes from files and guests: it is only ever set as text. */
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'text') made.textContent = value;
    else if (name === 'on') for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function drawn(tag, attributes = {}, text) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** The numbers of a column of page.cpp: to base 36, each as its difference to the one before. */
function numbers(text, count) {
  const values = new Array(count);
  const steps = count === 0 ? [] : text.split(',');
  let value = 0;
  for (let i = 0; i < count; ++i) {
    if (steps[i] !== '') value += parseInt(steps[i], 36);
    values[i] = value;
  }
  return values;
}

/** The picture of a run as tools/report/picture.hpp has it, or null. */
function pictureOf(run) {
  const coded = run.picture;
  if (!coded) return null;
  const [marks, intervals] = coded.count;
  const [at, step, lane, text] = coded.marks.map((column) => numbers(column, marks));
  const [where, state, begin, end, vector] = coded.intervals.map((column) => numbers(column, intervals));
  return {
    lanes: coded.lanes.map(([kind, name]) => ({ kind, name: page.texts[name] })),
    marks: at.map((ns, i) => ({ at: ns, step: step[i], lane: lane[i], text: page.texts[text[i]] })),
    intervals: where.map((on, i) => ({ lane: on, state: state[i], begin: begin[i], end: end[i], vector: vector[i] })),
    missed: coded.missed,
    wrong: coded.wrong,
    out: coded.out || [0, 0],
  };
}

const microseconds = (ns) => (ns / 1000).toFixed(1);
const vectorText = (vector) => '0x' + vector.toString(16).padStart(2, '0');
const textAt = (index) => (index === undefined ? '' : page.texts[index]);
const columnName = (column) => [column.kernel, column.mode].filter((word) => word !== '').join(' ');

/** The runs of a row, by column. */
const runsOfRow = page.rows.map(() => new Array(page.columns.length).fill(-1));
page.runs.forEach((run, index) => {
  run.index = index;
  runsOfRow[run.row][run.column] = index;
});
