"use strict";
const form = document.getElementById("filter");
const shown = document.getElementById("count");
const rows = Array.from(document.querySelectorAll(".case"), (row) => ({
  row,
  lang: row.dataset.lang,
  seen: Array.from(row.querySelectorAll(".seen"), (line) => ({
    line,
    method: line.dataset.method,
    outcomes: line.dataset.outcomes.split(" ").filter(Boolean).map((one) => one.split(":")),
  })),
}));
const names = ["kind", "method", "type", "lang"].filter((name) => form.elements[name]);

function wanted() {
  const given = new URLSearchParams(location.hash.slice(1));
  const found = {};
  for (const name of names) {
    const field = form.elements[name];
    const value = given.get(name) || "";
    const known = Array.from(field.options).find((option) => option.value === value);
    field.value = known ? value : "";
    found[name] = known && value ? known.dataset.key : "";
  }
  return found;
}

function apply() {
  const want = wanted();
  const filtered = names.some((name) => want[name]);
  let count = 0;
  for (const { row, lang, seen } of rows) {
    let any = false;
    for (const { line, method, outcomes } of seen) {
      const hit =
        (!want.lang || want.lang === lang) &&
        (!want.method || want.method === method) &&
        ((!want.kind && !want.type) ||
          outcomes.some(
            ([kind, type]) =>
              (!want.kind || want.kind === kind) && (!want.type || want.type === type)
          ));
      line.classList.toggle("hit", filtered && hit);
      any = any || hit;
    }
    row.hidden = !any;
    count += any;
  }
  shown.textContent = count + " of " + rows.length + " listed rows";
}

form.addEventListener("change", () => {
  const chosen = new URLSearchParams();
  for (const name of names) {
    if (form.elements[name].value) chosen.set(name, form.elements[name].value);
  }
  location.hash = chosen.toString();
  apply();
});
form.addEventListener("reset", () => { location.hash = ""; setTimeout(apply); });
form.addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("hashchange", apply);
form.hidden = false;
apply();
