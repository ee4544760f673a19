"use strict";
(() => {
  const NARROW = 620;
  const specs = JSON.parse(document.getElementById("specs").textContent);
  const tip = document.getElementById("tip");

  /* What the charts tell when pointed at: text only, never HTML. */
  function tell(handler, event, item, value) {
    tip.hidden = value === null || value === undefined || typeof value !== "object";
    if (tip.hidden) return;
    tip.replaceChildren(...Object.entries(value).map(([name, text]) => {
      const row = document.createElement("div");
      for (const part of [name, text]) {
        const cell = document.createElement("span");
        cell.textContent = String(part);
        row.append(cell);
      }
      return row;
    }));
    const left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8);
    const below = event.clientY + 14;
    const top = below + tip.offsetHeight > window.innerHeight ? event.clientY - tip.offsetHeight - 14 : below;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${Math.max(8, top)}px`;
  }

  function draw(name, narrow) {
    const spec = structuredClone(specs[name]);
    if (narrow) {
      const change = spec.usermeta.narrow;
      spec.layer = spec.layer.filter((layer) => !change.drop.includes(layer.name));
      for (const layer of spec.layer) {
        if (layer.name in change.move) [layer.mark.dx, layer.mark.dy] = change.move[layer.name];
        if (layer.name in change.limit) layer.mark.limit = change.limit[layer.name];
      }
    }
    const host = document.getElementById(`chart-${name}`);
    window.vegaEmbed(host, spec, {
      mode: "vega-lite", renderer: "svg", ast: true, actions: false, defaultStyle: false, tooltip: tell,
    }).then(() => {
      /* One picture with one description: Vega's roles for single marks have no names to read out. */
      host.setAttribute("role", "img");
      host.removeAttribute("aria-roledescription");
      host.querySelector("svg").setAttribute("aria-hidden", "true");
    }).catch((error) => console.error(error));
  }

  const narrow = window.matchMedia(`(max-width: ${NARROW}px)`);
  const drawAll = () => Object.keys(specs).forEach((name) => draw(name, narrow.matches));
  drawAll();
  narrow.addEventListener("change", drawAll);

  /* The table of arms sorts by a column when its heading is pressed; unknown values stay last. */
  const table = document.getElementById("arm-table");
  const headings = [...table.tHead.rows[0].cells];
  function key(row, column) {
    const cell = row.cells[column];
    if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
    return headings[column].classList.contains("number") ? null : (cell.dataset.text ?? cell.textContent).toLowerCase();
  }
  function sort(column, up) {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [key(row, column), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return (a < b ? -1 : a > b ? 1 : 0) * (up ? 1 : -1);
    });
    body.append(...rows.map(([, row]) => row));
    headings.forEach((heading, index) => {
      if (index === column) heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      else heading.removeAttribute("aria-sort");
    });
  }
  headings.forEach((heading, column) => {
    if (heading.tagName !== "TH" || heading.textContent === "95% interval") return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    const first = heading.classList.contains("word") || ["Labels", "Fit", "Tokens a call", "ms a call", "Memory", "Missing"].includes(button.textContent);
    button.addEventListener("click", () => {
      const now = heading.getAttribute("aria-sort");
      sort(column, now === null ? first : now === "descending");
    });
  });

  /* On paper everything is open, and afterwards as it was. */
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((part) => { part.open = true; });
  });
  window.addEventListener("afterprint", () => { closed.forEach((part) => { part.open = false; }); closed = []; });
})();
