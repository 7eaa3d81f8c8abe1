"use strict";
const PAGE = 20;
const form = document.getElementById("filter");
const shown = document.getElementById("count");
const pager = document.getElementById("pager");
const fold = (text) => text.normalize("NFKC").toLocaleLowerCase();
/* What is searched: texts without the labels behind their spans, ids, reasons and errors. */
const words = (row) =>
  Array.from(row.querySelectorAll(".text, bdi, .why"), (part) => {
    const copy = part.cloneNode(true);
    for (const tag of copy.querySelectorAll(".tag")) tag.remove();
    return copy.textContent;
  }).join("\n");
const rows = Array.from(document.querySelectorAll(".row"), (row) => ({
  row,
  text: fold(words(row)),
  state: [row.dataset.state],
  reason: row.dataset.reason.split(" "),
  label: row.dataset.label.split(" "),
  lang: [row.dataset.lang],
}));
const lists = ["state", "reason", "label", "lang"].filter((name) => form.elements[name]);
const start = "#rows?";
let page = 1;

/* The choice stands in the address: `#rows?state=rejected&q=paris&page=2`; `#r17` is one row. */
function read() {
  const row = rows.find((one) => "#" + one.row.id === location.hash)?.row;
  if (row) {
    for (const name of [...lists, "q"]) form.elements[name].value = "";
    page = 1 + Math.floor(rows.findIndex((one) => one.row === row) / PAGE);
    apply();
    document.querySelector(".found")?.classList.remove("found");
    row.classList.add("found");
    row.scrollIntoView({ behavior: "instant" });
    return;
  }
  if (!location.hash.startsWith(start)) return;
  const given = new URLSearchParams(location.hash.slice(start.length));
  for (const name of lists) {
    const options = Array.from(form.elements[name].options);
    const known = options.some((option) => option.value === given.get(name));
    form.elements[name].value = known ? given.get(name) : "";
  }
  form.elements.q.value = given.get("q") || "";
  page = Math.max(1, parseInt(given.get("page"), 10) || 1);
  apply();
  document.getElementById("rows").scrollIntoView({ behavior: "instant" });
}

function apply() {
  const asked = fold(form.elements.q.value).trim();
  const want = lists.map((name) => [name, form.elements[name].selectedOptions[0]?.dataset.key]);
  const hits = rows.filter(
    (one) =>
      want.every(([name, key]) => key === undefined || one[name].includes(key)) &&
      one.text.includes(asked)
  );
  const pages = Math.max(1, Math.ceil(hits.length / PAGE));
  page = Math.min(page, pages);
  const here = new Set(hits.slice((page - 1) * PAGE, page * PAGE));
  for (const one of rows) one.row.hidden = !here.has(one);
  shown.textContent = hits.length + " of " + rows.length + " listed rows";
  document.getElementById("page").textContent = "page " + page + " of " + pages;
  document.getElementById("previous").disabled = page === 1;
  document.getElementById("next").disabled = page === pages;
}

function remember() {
  const chosen = new URLSearchParams();
  for (const name of [...lists, "q"]) {
    if (form.elements[name].value) chosen.set(name, form.elements[name].value);
  }
  if (page > 1) chosen.set("page", page);
  try {
    history.replaceState(null, "", start + chosen);
  } catch {
    /* some browsers forbid it for files: the page works, only the address stays */
  }
}

function turn(by) {
  page += by;
  apply();
  remember();
  document.getElementById("rows").scrollIntoView({ behavior: "instant" });
}

form.addEventListener("input", () => { page = 1; apply(); remember(); });
form.addEventListener("reset", () => setTimeout(() => { page = 1; apply(); remember(); }));
form.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("previous").addEventListener("click", () => turn(-1));
document.getElementById("next").addEventListener("click", () => turn(1));
window.addEventListener("hashchange", read);
window.addEventListener("beforeprint", () => { for (const one of rows) one.row.hidden = false; });
window.addEventListener("afterprint", apply);
form.hidden = pager.hidden = false;
apply();
read();
