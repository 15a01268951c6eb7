// On a narrow screen, a table that is too wide is shown row by row, with the columns' names beside
// the cells, and a wide picture can be moved sideways (narrow.css).
addEventListener("DOMContentLoaded", () => {
  if (!matchMedia("(max-width: 46em)").matches) return;
  for (const image of document.querySelectorAll("img.wide")) {
    const frame = document.createElement("div");
    frame.className = "sideways";
    image.replaceWith(frame);
    frame.append(image);
  }
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
