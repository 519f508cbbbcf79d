'use strict';
// A timeline: a lane for each vCPU, controller input, line and host thread; time goes to the right.

const sizes = { top: 20, axis: 20, pad: 4, state: 11, gap: 2, mark: 20, missed: 20, left: 10, letter: 6.7 };

/** Lays intervals of one lane into as few rows as keep them apart, those of a state together. */
function rowsOf(intervals) {
  const rows = [];
  for (const state of [...new Set(intervals.map((each) => each.state))].sort((a, b) => a - b)) {
    const own = [];
    for (const each of intervals.filter((other) => other.state === state)) {
      const free = own.find((row) => row[row.length - 1].end <= each.begin);
      if (free) free.push(each);
      else own.push([each]);
    }
    rows.push(...own);
  }
  return rows;
}

class Timeline {
  /** @param parted {event, text}: where this run parts from another, if that is known */
  constructor(run, picture, parted) {
    this.run = run;
    this.picture = picture;
    this.parted = parted;
    this.byTime = false;
    this.zoom = 1;
    this.now = picture.wrong ?? (picture.missed ? Math.min(picture.missed.end, picture.marks.length - 1) : 0);
    if (parted && parted.event !== null) this.now = parted.event;
    this.names = element('div', { class: 'lanes', 'aria-hidden': 'true' });
    this.place = element('div');
    this.box = element('div', {
      class: 'timeline', tabindex: 0, role: 'application', 'aria-roledescription': 'timeline',
      'aria-label': `${picture.marks.length} events in ${picture.lanes.length} lanes; arrow keys go from event to event`,
      on: { keydown: (event) => this.key(event) },
    }, this.names, this.place);
    this.readout = element('div', { class: 'readout', role: 'status' });
    this.scale = element('button', { type: 'button', text: 'true time', 'aria-pressed': 'false', title: 't', on: { click: () => this.toggleScale() } });
    this.element = element('div', {}, this.toolbar(), this.box, this.readout, this.leftOut(), this.table());
  }

  toolbar() {
    const button = (text, title, act) => element('button', { type: 'button', text, title, on: { click: act } });
    const bar = element('div', { class: 'tools' },
      button('\u2212', 'narrower: -', () => this.zoomBy(1 / 1.4)), button('+', 'wider: +', () => this.zoomBy(1.4)), this.scale);
    if (this.picture.missed) bar.append(button('failure', 'to the failure: f', () => this.toFailure()));
    const key = element('div', { class: 'key' });
    for (const state of [...new Set(this.picture.intervals.map((each) => each.state))].sort((a, b) => a - b)) {
      const sample = drawn('svg', { width: 22, height: 12, class: 'plot' });
      sample.append(this.hatch(), this.bar({ state, begin: 0, end: 1 }, 1, 21, 1));
      key.append(element('span', {}, sample, page.states[state]));
    }
    bar.append(key);
    return bar;
  }

  leftOut() {
    const [before, after] = this.picture.out;
    if (before + after === 0) return null;
    return element('p', { class: 'about', text: `Left out: ${before} events before these, ${after} behind them.` });
  }

  hatch() {
    const pattern = drawn('pattern', { id: 'hatch', width: 5, height: 5, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' });
    pattern.append(drawn('line', { x1: 0, y1: 0, x2: 0, y2: 5, stroke: 'currentColor', 'stroke-opacity': 0.45, 'stroke-width': 2 }));
    const defs = drawn('defs');
    defs.append(pattern);
    return defs;
  }

  /** Where each mark is, and the whole width. */
  measure() {
    const { marks } = this.picture;
    const names = Math.min(190, 24 + 7 * Math.max(...this.picture.lanes.map((lane) => lane.name.length)));
    this.names.style.width = `${names}px`;
    const room = Math.max(400, (this.box.clientWidth || 1100) - names - 2);
    // Beside the offending event there is always room for what is wrong with it.
    const tail = this.picture.wrong === undefined ? 60 : this.note(this.picture.wrong).length * 7.2 + 30;
    const step = Math.max(15, Math.min(130, (room - tail) / marks.length)) * this.zoom;
    if (!this.byTime) {
      this.at = marks.map((_, i) => sizes.left + i * step);
    } else {
      const first = marks.reduce((least, mark) => Math.min(least, mark.at), Infinity);
      const last = marks.reduce((most, mark) => Math.max(most, mark.at), -Infinity);
      const scale = (Math.max(room, marks.length * 6) * this.zoom - tail) / Math.max(1, last - first);
      this.at = marks.map((mark) => sizes.left + (mark.at - first) * scale);
    }
    this.width = Math.max(room, Math.max(0, ...this.at) + tail);
    this.at.push(this.width - 2);
  }

  /** Draws all of it again. */
  draw() {
    const { picture } = this;
    this.measure();
    const svg = drawn('svg', { class: 'plot', role: 'img' });
    svg.append(this.hatch());
    this.names.replaceChildren(element('div', { class: 'steps', text: 'step' }));
    this.names.firstChild.style.height = `${sizes.top}px`;
    const parts = [];
    let y = sizes.top;
    this.middle = [];
    picture.lanes.forEach((lane, index) => {
      const rows = rowsOf(picture.intervals.filter((each) => each.lane === index));
      const missed = picture.missed && picture.missed.lane === index ? sizes.missed : 0;
      const height = 2 * sizes.pad + missed + rows.length * (sizes.state + sizes.gap) + sizes.mark;
      parts.push(drawn('line', { class: 'rule', x1: 0, x2: this.width, y1: y + 0.5, y2: y + 0.5 }),
        drawn('text', { class: 'lane-name', x: 2, y: y + 10 }, lane.name));
      if (missed) parts.push(...this.missed(y + 1, height - 2));
      rows.forEach((row, at) => {
        const top = y + sizes.pad + missed + at * (sizes.state + sizes.gap);
        if (row[0].state === 0) parts.push(this.wave(row, top));
        else for (const each of row) parts.push(...this.interval(each, top));
      });
      this.middle.push(y + height - sizes.pad - sizes.mark / 2);
      const name = element('div', { text: lane.name, title: `${lane.kind}: ${lane.name}` });
      name.style.height = `${height}px`;
      this.names.append(name);
      y += height;
    });
    this.height = y + sizes.axis;
    parts.unshift(...this.steps(y));
    parts.push(...this.marks(), ...this.axis(y), ...this.parting(y));
    this.cursor = drawn('line', { class: 'cursor', y1: sizes.top, y2: y });
    svg.append(...parts, this.cursor);
    svg.setAttribute('viewBox', `0 0 ${this.width} ${this.height}`);
    svg.setAttribute('width', this.width);
    svg.setAttribute('height', this.height);
    this.place.replaceChildren(svg);
    this.select(this.now, false);
  }

  /** A band for each step, with its number. */
  steps(bottom) {
    const { marks, missed, wrong } = this.picture;
    const failed = wrong ?? (missed ? missed.end - 1 : -1);
    const parts = [];
    let band = 0;
    for (let begin = 0; begin < marks.length; ++band) {
      let end = begin + 1;
      while (end < marks.length && marks[end].step === marks[begin].step) ++end;
      const left = begin === 0 ? 0 : (this.at[begin - 1] + this.at[begin]) / 2;
      const right = end === marks.length ? this.width : (this.at[end - 1] + this.at[end]) / 2;
      if (band % 2 === 1) parts.push(drawn('rect', { class: 'odd', x: left, y: 0, width: Math.max(0, right - left), height: bottom }));
      if (right - left > 12)
        parts.push(drawn('text', { class: begin <= failed && failed < end ? 'wrong-step-text' : 'step', x: left + 4, y: 14 }, String(marks[begin].step)));
      begin = end;
    }
    return parts;
  }

  bar({ state }, left, right, top) {
    return drawn('rect', { class: `s${state}`, x: left, y: top, width: Math.max(3, right - left), height: sizes.state - 1, rx: state === 1 ? 0 : 2 });
  }

  interval(each, top) {
    const [left, right] = [this.at[each.begin], this.at[each.end]];
    const parts = [this.bar(each, left, right, top)];
    const words = page.states[each.state] + (each.vector ? ` ${vectorText(each.vector)}` : '');
    parts[0].append(drawn('title', {}, words));
    parts[0].dataset.state = words;
    const text = each.vector ? vectorText(each.vector) : '';
    if (text && right - left > text.length * 6 + 6 && (each.state === 2 || each.state === 3))
      parts.push(drawn('text', { class: 'in', x: left + 3, y: top + 9 }, text));
    return parts;
  }

  /** A line's level as a logic analyser has it. */
  wave(row, top) {
    const [low, high] = [top + sizes.state - 1, top + 1];
    let path = `M0 ${low}`;
    for (const { begin, end } of row) {
      path += `H${this.at[begin]}V${high}H${this.at[end]}`;
      if (end < this.picture.marks.length) path += `V${low}`;
    }
    if (row[row.length - 1].end < this.picture.marks.length) path += `H${this.width}`;
    const wave = drawn('path', { class: 's0', d: path });
    wave.append(drawn('title', {}, page.states[0]));
    wave.dataset.state = page.states[0];
    return wave;
  }

  marks() {
    const { marks, lanes, wrong } = this.picture;
    const parts = [];
    const next = new Array(lanes.length).fill(this.width);
    for (let i = marks.length - 1; i >= 0; --i) {
      const mark = marks[i];
      const [x, y] = [this.at[i], this.middle[mark.lane]];
      const is = i === wrong ? ' wrong' : '';
      const shape = lanes[mark.lane].kind === 'vcpu'
        ? drawn('path', { d: `M${x} ${y - 5}L${x + 4.5} ${y}L${x} ${y + 5}L${x - 4.5} ${y}Z` })
        : drawn('circle', { cx: x, cy: y, r: 3.6 });
      shape.setAttribute('class', `mark${is}`);
      shape.dataset.mark = i;
      parts.push(shape);
      if (is) parts.push(drawn('circle', { class: 'ring', cx: x, cy: y, r: 8 }));
      const note = this.note(i);
      const letters = Math.floor((next[mark.lane] - x - 12) / sizes.letter);
      if (letters >= 3 || is) {
        const text = note.length <= letters || is ? note : `${note.slice(0, letters - 1)}\u2026`;
        const label = drawn('text', { class: `label${is ? ' wrong-text' : ''}`, x: x + (is ? 12 : 8), y: y + 4 }, text);
        label.dataset.mark = i;
        parts.push(label);
      }
      next[mark.lane] = x;
    }
    for (const part of parts) {
      if (part.dataset.mark === undefined) continue;
      const index = Number(part.dataset.mark);
      part.addEventListener('click', () => this.select(index, false));
      part.addEventListener('mousemove', (event) => showTip(event, this.words(index)));
      part.addEventListener('mouseleave', hideTip);
    }
    return parts;
  }

  /** What stands beside an event. */
  note(index) {
    const { text } = this.picture.marks[index];
    const { failure } = this.run;
    return index === this.picture.wrong && failure.mark ? `${text}  \u2190 ${failure.mark}` : text;
  }

  /** The expectation that failed, where it should have been. */
  missed(top, height) {
    const { begin, end } = this.picture.missed;
    const count = this.picture.marks.length;
    const left = Math.max(1, this.at[Math.min(begin, count)] - 6);
    const right = Math.max(left + 24, Math.min(this.width - 1, this.at[Math.min(end, count)] - (end < count ? 10 : 0)));
    const text = `expected ${this.run.failure.expected}`;
    const length = text.length * 7.2 + 20;
    const box = drawn('rect', { class: 'missed', x: left, y: top, width: right - left, height, rx: 3 });
    box.append(drawn('title', {}, text));
    const room = this.width - left - 10;
    const from = length <= room ? left + 8 : Math.max(8, this.width - length - 6);
    const [x, y] = [from + 6, top + 11];
    return [box, drawn('path', { class: 'ghost', d: `M${x} ${y - 6}L${x + 5.5} ${y}L${x} ${y + 6}L${x - 5.5} ${y}Z` }),
      drawn('text', { class: 'missed-text', x: from + 17, y: y + 4 }, text)];
  }

  parting(bottom) {
    if (!this.parted) return [];
    const { event, text } = this.parted;
    const count = this.picture.marks.length;
    const x = event === null ? this.at[count] - 4 : this.at[event] - 7;
    const is_right = x > this.width - text.length * 7.2;
    return [drawn('line', { class: 'parted', x1: x, x2: x, y1: sizes.top, y2: bottom }),
      drawn('text', { class: 'parted-text', x: is_right ? x - 5 : x + 5, y: bottom - 4, 'text-anchor': is_right ? 'end' : 'start' }, text)];
  }

  axis(top) {
    const parts = [drawn('line', { class: 'rule', x1: 0, x2: this.width, y1: top + 0.5, y2: top + 0.5 })];
    let free = 0;
    this.picture.marks.forEach((mark, i) => {
      const text = `${microseconds(mark.at)}${i === 0 ? ' us' : ''}`;
      if (this.at[i] < free) return;
      parts.push(drawn('line', { class: 'rule', x1: this.at[i], x2: this.at[i], y1: top, y2: top + 4 }),
        drawn('text', { class: 'time', x: this.at[i] + (i === 0 ? -4 : 0), y: top + 15 }, text));
      free = this.at[i] + text.length * sizes.letter + 14;
    });
    return parts;
  }

  /** An event in words, with its time and place. */
  words(index) {
    const mark = this.picture.marks[index];
    return `${microseconds(mark.at)} us  step ${mark.step}  ${this.picture.lanes[mark.lane].name}: ${mark.text}`;
  }

  /** What is so when the event has happened. */
  statesAt(index) {
    return this.picture.intervals.filter((each) => each.begin <= index && index < each.end)
      .map((each) => `${this.picture.lanes[each.lane].name}: ${page.states[each.state]}${each.vector ? ` ${vectorText(each.vector)}` : ''}`).join(', ');
  }

  select(index, scroll = true) {
    const { marks } = this.picture;
    if (marks.length === 0) return;
    this.now = Math.max(0, Math.min(index, marks.length - 1));
    const x = this.at[this.now];
    this.cursor.setAttribute('x1', x);
    this.cursor.setAttribute('x2', x);
    if (scroll) {
      const left = this.names.offsetWidth;
      const seen = this.box.clientWidth - left;
      if (x < this.box.scrollLeft + 40 || x > this.box.scrollLeft + seen - 120) this.box.scrollLeft = x - seen / 2;
    }
    const then = this.statesAt(this.now);
    this.readout.replaceChildren(element('b', { text: this.words(this.now) }), then ? element('span', { class: 'then', text: `then ${then}` }) : '');
    this.events.querySelector('.now')?.classList.remove('now');
    this.events.tBodies[0].rows[this.now].classList.add('now');
  }

  table() {
    const { marks, lanes, wrong } = this.picture;
    const body = element('tbody');
    marks.forEach((mark, i) => {
      body.append(element('tr', { class: i === wrong ? 'wrong' : undefined, on: { click: () => this.select(i) } },
        element('td', { text: microseconds(mark.at) }), element('td', { text: mark.step }),
        element('td', { text: lanes[mark.lane].name }), element('td', { text: mark.text })));
    });
    const names = ['us', 'step', 'lane', 'event'].map((text) => element('th', { scope: 'col', text }));
    this.events = element('table', { class: 'events' }, element('thead', {}, element('tr', {}, ...names)), body);
    return this.events;
  }

  nextInLane(step) {
    const { lanes, marks } = this.picture;
    for (let lane = marks[this.now].lane + step; lane >= 0 && lane < lanes.length; lane += step) {
      let nearest = -1;
      marks.forEach((mark, i) => {
        if (mark.lane === lane && (nearest < 0 || Math.abs(i - this.now) < Math.abs(nearest - this.now))) nearest = i;
      });
      if (nearest >= 0) return this.select(nearest);
    }
  }

  toFailure() {
    const { wrong, missed, marks } = this.picture;
    this.select(wrong ?? Math.min(missed.end, marks.length - 1));
    this.box.focus();
  }
  zoomBy(factor) {
    this.zoom = Math.max(0.2, Math.min(20, this.zoom * factor));
    this.draw();
    this.select(this.now);
  }
  toggleScale() {
    this.byTime = !this.byTime;
    this.scale.setAttribute('aria-pressed', this.byTime);
    this.draw();
    this.select(this.now);
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || this.picture.marks.length === 0) return;
    const acts = {
      ArrowRight: () => this.select(this.now + 1), ArrowLeft: () => this.select(this.now - 1),
      ArrowDown: () => this.nextInLane(1), ArrowUp: () => this.nextInLane(-1),
      Home: () => this.select(0), End: () => this.select(this.picture.marks.length - 1),
      '+': () => this.zoomBy(1.4), '-': () => this.zoomBy(1 / 1.4), t: () => this.toggleScale(),
      f: () => this.picture.missed && this.toFailure(),
    };
    if (!acts[event.key]) return;
    acts[event.key]();
    event.preventDefault();
    event.stopPropagation();
  }
}

const tip = document.getElementById('tip');
function showTip(event, text) {
  tip.textContent = text;
  tip.hidden = false;
  tip.style.left = `${Math.min(event.clientX + 12, window.innerWidth - tip.offsetWidth - 8)}px`;
  tip.style.top = `${Math.min(event.clientY + 14, window.innerHeight - tip.offsetHeight - 8)}px`;
}
function hideTip() { tip.hidden = true; }
