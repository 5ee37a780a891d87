"use strict";
const AT_FIRST = 100;
const element = (id) => document.getElementById(id);

const enhance = (table) => {
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row) => ({ row, text: row.textContent.toLowerCase() }));
  const filter = element("filter");
  const more = element("more");
  const order = new Intl.Collator("en", { numeric: true });

  // Thousands of rows take seconds to lay out, so all of them are shown only to who asks for it.
  const show = (limit = AT_FIRST) => {
    const terms = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = rows.filter(({ text }) => terms.every((term) => text.includes(term)));
    const shown = document.createDocumentFragment();
    for (const { row } of found.slice(0, limit)) shown.append(row);
    body.replaceChildren(shown);
    const count = (number) => number.toLocaleString("en");
    const cut = found.length > limit ? `, the first ${count(limit)} shown` : "";
    element("shown").textContent = terms.length
      ? `${count(found.length)} of ${count(rows.length)} match${cut}`
      : `${count(rows.length)} findings${cut}`;
    more.hidden = !cut;
    more.textContent = `Show all ${count(found.length)}`;
  };

  const value = (row, column) => row.cells[column].dataset.v ?? row.cells[column].textContent;

  const sort = (head, column) => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    for (const one of rows) one.value = value(one.row, column);
    rows.sort((one, other) => (up ? 1 : -1) * order.compare(one.value, other.value));
    show();
  };

  Array.from(table.tHead.rows[0].cells, (head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(head, column));
    head.append(button);
  });

  for (const link of document.querySelectorAll("[data-filter]")) {
    link.addEventListener("click", () => {
      filter.value = link.dataset.filter;
      show();
    });
  }

  const showAll = () => show(Infinity);
  filter.addEventListener("input", () => show());
  more.addEventListener("click", showAll);
  element("search").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("beforeprint", showAll);
  element("search").hidden = false;
  show();
};

// The table is hidden until most of its rows are taken out: thousands would be laid out for nothing.
document.documentElement.classList.add("trimming");
addEventListener("DOMContentLoaded", () => {
  try {
    if (element("table")) enhance(element("table"));
  } finally {
    document.documentElement.classList.remove("trimming");
  }
});
