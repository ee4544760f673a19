"use strict";
(() => {
  const table = document.getElementById("row-table");
  if (table === null) return;
  const AT_ONCE = 25;
  const CLEARLY = 0.2;
  const graded = table.dataset.graded === "1";
  const part = (name) => document.getElementById(`row-${name}`);
  const [form, first, second, outcome, label, search, status, more] =
    ["filter", "first", "second", "outcome", "label", "search", "count", "more"].map(part);
  const whole = status.textContent;
  /* What can be searched: input, wanted, answers; not the marks, nor how often an answer came. */
  const words = (row) => [...row.cells].slice(1, 3).map((cell) => cell.textContent)
    .concat([...row.querySelectorAll("bdi")].map((answer) => answer.textContent.replace(/ \(\d+ of \d+ seeds\)$/, "")))
    .join(" ").toLowerCase();
  const rows = [...table.tBodies[0].rows].map((row) => ({
    row,
    label: row.dataset.label ?? "",
    scores: [...row.cells].slice(3).map((cell) => cell.dataset.score === undefined ? null : Number(cell.dataset.score)),
    text: words(row),
  }));
  let shown = AT_ONCE;

  /* How two arms fared on a row, in the words of the list of outcomes. */
  function fared(a, b) {
    if (a === null || b === null) return "";
    if (graded) return a - b > CLEARLY - 1e-9 ? "first" : b - a > CLEARLY - 1e-9 ? "second" : "same";
    const [left, right] = [a >= 0.5, b >= 0.5];
    return left === right ? (left ? "both" : "neither") : left ? "first" : "second";
  }

  function matches({ label: own, scores, text }) {
    if (label !== null && label.value !== "" && own !== label.value) return false;
    if (!search.value.toLowerCase().split(/\s+/).every((word) => text.includes(word))) return false;
    const found = fared(scores[Number(first.value)], scores[Number(second.value)]);
    if (outcome.value === "any") return true;
    return outcome.value === "differ" ? found === "first" || found === "second" : found === outcome.value;
  }

  function show() {
    const matching = rows.filter(matches);
    rows.forEach(({ row }) => { row.hidden = true; });
    matching.slice(0, shown).forEach(({ row }) => { row.hidden = false; });
    more.hidden = matching.length <= shown;
    const count = matching.length === rows.length ? whole : `${matching.length} of ${whole}`;
    const chosen = (list) => list.selectedOptions[0].textContent;
    status.textContent = `${count}. ${chosen(first)} against ${chosen(second)}: ${chosen(outcome)}.`;
  }

  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => { shown = AT_ONCE; show(); });
  more.addEventListener("click", () => {
    const next = shown;
    shown += AT_ONCE;
    show();
    /* The button may be gone: the reader goes on at the first new row. */
    const row = rows.filter(matches)[next]?.row;
    if (row !== undefined) { row.tabIndex = -1; row.focus({ preventScroll: false }); }
  });
  let before = AT_ONCE;
  window.addEventListener("beforeprint", () => { before = shown; shown = rows.length; show(); });
  window.addEventListener("afterprint", () => { shown = before; show(); });
  show();
})();
