"use strict";
// A click on a column's name sorts the table by it, upwards and downwards in turn.
for (const table of document.querySelectorAll("table.sortable")) {
  const rows = table.tBodies[0];
  const key = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.key ?? cell.textContent;
    const number = parseFloat(text.replaceAll(",", ""));
    return Number.isNaN(number) ? text : number;
  };
  const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  [...table.tHead.rows[0].cells].forEach((name, column) => {
    name.dataset.sort = "";
    name.addEventListener("click", () => {
      const up = name.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      name.setAttribute("aria-sort", up ? "ascending" : "descending");
      const sorted = [...rows.rows].sort((a, b) => (up ? 1 : -1) * compare(key(a, column), key(b, column)));
      rows.append(...sorted);
    });
  });
}
