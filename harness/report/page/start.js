// Draws the view, and ties it to keys, links and printing.

document.addEventListener('click', (event) => {
  const to = event.target.closest?.('a[href^="#"]');
  if (to) stories.get(idIn(to.hash))?.open();
});

// "/" goes to the filter; "n" and "p" to the next and the previous story that is shown.
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.('input, select, textarea')) return;
  if (event.key === '/') {
    event.preventDefault();
    document.querySelector('.filters input[type=search]')?.focus();
  } else if (event.key === 'n' || event.key === 'p') {
    const shown = all('details.case > summary').filter((one) => one.offsetParent);
    const at = shown.indexOf(document.activeElement);
    const next = event.key === 'n' ? at + 1 : at < 0 ? shown.length - 1 : at - 1;
    shown[Math.min(Math.max(next, 0), shown.length - 1)]?.focus();
  }
});

// Where failures are told by their causes, that is what is printed of them.
addEventListener('beforeprint', () => {
  const groups = [...stories.values()].filter(({ids}) => ids);
  for (const one of groups.length > 0 ? groups : stories.values()) if (one.isPrinted) one.open();
});

({run: drawRun, matrix: drawMatrix, capture: drawCapture})[data.view](data);
