// SPDX-License-Identifier: GPL-2.0-or-later
// Shows the series of a subsystem and a state; the choice stands in the address, so that it can be linked to.
addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("filter");
  const rows = [...document.querySelectorAll("table.series tbody tr")];
  const fields = [form.elements.subsystem, form.elements.state];
  const show = () => {
    let count = 0;
    for (const row of rows) {
      const fits = fields.every((field) =>
        !field.value || row.dataset[field.name].split(" ").includes(field.value.replaceAll(" ", "-")));
      row.hidden = !fits;
      count += fits;
    }
    document.getElementById("shown").textContent = `${count} of ${rows.length} shown`;
  };
  const read = () => {
    const chosen = new URLSearchParams(location.hash.slice(1));
    for (const field of fields) field.value = chosen.get(field.name) || "";
    show();
  };
  form.addEventListener("change", () => {
    const chosen = new URLSearchParams(fields.filter((f) => f.value).map((f) => [f.name, f.value]));
    history.replaceState(null, "", `#${chosen}`);
    show();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", read);
  form.hidden = false;
  read();
});
