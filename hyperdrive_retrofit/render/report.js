// One child under the pointer is lit in all charts and in the table of its sweep.
for (const sweep of document.querySelectorAll("section.sweep")) {
  const marks = new Map();
  for (const mark of sweep.querySelectorAll("[data-child]")) {
    const child = mark.dataset.child;
    if (!marks.has(child)) marks.set(child, []);
    marks.get(child).push(mark);
  }
  const light = (event, on) => {
    const mark = event.target.closest("[data-child]");
    if (mark) for (const each of marks.get(mark.dataset.child)) each.classList.toggle("lit", on);
  };
  sweep.addEventListener("mouseover", (event) => light(event, true));
  sweep.addEventListener("mouseout", (event) => light(event, false));
}

// A click on a heading sorts its table; numbers by size, cells without one last.
for (const heading of document.querySelectorAll(".sortable th")) {
  heading.addEventListener("click", () => {
    const column = heading.cellIndex;
    const body = heading.closest("table").tBodies[0];
    const down = heading.getAttribute("aria-sort") === "ascending";
    const key = (row) => row.cells[column].textContent;
    const last = (row) => ["", "nan"].includes(key(row));
    const compare = (a, b) => {
      if (last(a) || last(b)) return last(a) - last(b);
      const difference = Number(key(a)) - Number(key(b));
      return (down ? -1 : 1) * (Number.isNaN(difference) ? key(a).localeCompare(key(b)) : difference);
    };
    for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...[...body.rows].sort(compare));
  });
}
