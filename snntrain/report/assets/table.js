"use strict";
// Sorting tables by their headings, and filtering the runs.

const collator = new Intl.Collator(undefined, { numeric: true });

function sortRows(heading) {
  const table = heading.closest("table");
  const column = [...heading.parentNode.children].indexOf(heading);
  const numbers = heading.classList.contains("number");
  const now = heading.getAttribute("aria-sort");
  // Numbers start with the largest, words with the first of the alphabet.
  const descending = now === "none" ? numbers : now === "ascending";
  for (const other of heading.parentNode.children) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const keyed = [...table.tBodies[0].rows].map((row) => [row.cells[column].dataset.value ?? "", row]);
  keyed.sort(([a], [b]) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const order = numbers ? a - b : collator.compare(a, b);
    return descending ? -order : order;
  });
  table.tBodies[0].append(...keyed.map(([, row]) => row));
}

for (const heading of document.querySelectorAll("th[aria-sort]")) {
  heading.querySelector("button").addEventListener("click", () => sortRows(heading));
}

const filter = document.getElementById("filter");
if (filter) {
  const rows = [...document.querySelectorAll("#runs tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const count = document.getElementById("filtered");
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, index) => {
      row.hidden = !words.every((word) => texts[index].includes(word));
      shown += !row.hidden;
    });
    count.textContent = words.length ? `${shown} of ${rows.length} runs` : "";
  });
}
