'use strict';
// Which of both views is shown is in the address, so that the browser's history and links work.

/** A run that was compared is shown with the one it was compared with. */
function openRuns(indices) {
  const pair = indices.length === 1 ? page.differences.find(({ runs }) => runs.includes(indices[0])) : undefined;
  const same = page.differences.filter(({ runs }) => runs[1] === indices[0]);
  const runs = same.length ? same[0].runs : pair ? pair.runs : indices;
  location.hash = `run=${runs.join(',')}`;
}
function closeRuns() { location.hash = ''; }

function route() {
  hideTip();
  const found = /^#run=(\d+)(?:,(\d+))?$/.exec(location.hash);
  const indices = found ? found.slice(1).filter((text) => text !== undefined).map(Number) : [];
  if (indices.length > 0 && indices.every((index) => index < page.runs.length)) return showRuns(indices);
  detail.hidden = true;
  detail.replaceChildren();
  document.getElementById('overview').hidden = false;
  showRows();
  matrix.box.focus({ preventScroll: true });
}

function summary() {
  const parts = verdicts.map((word) => [word, page.runs.filter((run) => run.verdict === word).length]).filter(([, count]) => count > 0)
    .map(([word, count]) => `${count} ${word}`);
  parts.push(`${page.runs.length} runs`);
  const notes = [parts.join(', ')];
  if (page.interrupted) notes.push('interrupted: these are the results so far');
  if (page.undrawn) notes.push(`the page has no room for the timelines of ${page.undrawn} runs`);
  return notes.join('; ');
}

document.title = page.title;
document.getElementById('title').textContent = page.title;
document.getElementById('summary').textContent = summary();
makeMatrix();

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const typing = event.target.closest('input, select');
  if (event.key === 'Escape') {
    if (!detail.hidden) closeRuns();
    else if (typing) matrix.box.focus();
  } else if (event.target === matrix.search && (event.key === 'Enter' || event.key === 'ArrowDown')) {
    matrix.box.focus();
  } else if (typing) {
    return;
  } else if (event.key === '/' && detail.hidden) {
    matrix.search.select();
  } else if (event.key === 'n' || event.key === 'p') {
    const step = event.key === 'n' ? 1 : -1;
    if (detail.hidden) {
      moveToBad(step);
    } else {
      const other = otherBad(Number(/\d+/.exec(location.hash)[0]), step);
      if (other >= 0) openRuns([other]);
    }
  } else {
    return;
  }
  event.preventDefault();
});
window.addEventListener('hashchange', route);
window.addEventListener('resize', () => { if (!detail.hidden) drawTimelines(); });
route();
