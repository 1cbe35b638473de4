// SPDX-License-Identifier: GPL-2.0-or-later
// The keys n and j go to the next finding, p and k to the one before, along the links of each finding.
addEventListener("keydown", (event) => {
  const rel = { n: "next", j: "next", p: "prev", k: "prev" }[event.key];
  if (!rel || event.ctrlKey || event.altKey || event.metaKey) return;
  const current = location.hash && document.getElementById(location.hash.slice(1));
  const link = current && current.classList.contains("finding")
    ? current.querySelector(`a[rel=${rel}]`)
    : document.querySelector("#findings a");
  if (link) location.hash = link.hash;
});
