// A table that is wider than the screen is shown row by row, with the columns' names beside the
// cells (narrow.css). Without this, it can be moved sideways.
addEventListener("DOMContentLoaded", () => {
  if (!matchMedia("(max-width: 46em)").matches) return;
  for (const table of document.querySelectorAll("table.docutils")) {
    const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
    const fits = () => table.scrollWidth <= table.parentElement.clientWidth;
    if (fits()) continue;
    // Many short cells, as yes and no, are better compared in small letters than in a stack.
    const cells = [...table.querySelectorAll("tbody td:not(:first-child)")];
    const isShort = cells.every((cell) => cell.textContent.length < 16);
    table.classList.toggle("small", isShort);
    if (isShort && fits()) continue;
    if (isShort) table.classList.replace("small", "short");
    for (const row of table.querySelectorAll("tbody tr"))
      [...row.cells].forEach((cell, index) => names[index] && (cell.dataset.column = names[index]));
    table.classList.add("stacked");
  }
});
