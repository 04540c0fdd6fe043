"use strict";
(() => {
  const bar = document.querySelector(".filter");
  if (!bar) return;
  const words = bar.querySelector("input");
  const severity = bar.querySelector("select");
  const told = bar.querySelector("[role=status]");
  const items = [...document.querySelectorAll("[data-severity]")];
  const texts = new Map(items.map((item) => [item, item.textContent.toLowerCase()]));
  const apply = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of items) {
      const fits = (!severity.value || item.dataset.severity === severity.value)
        && wanted.every((word) => texts.get(item).includes(word));
      item.hidden = !fits;
      if (fits && item.classList.contains("block")) shown += 1;
    }
    told.textContent = wanted.length || severity.value ? `${shown} shown` : "";
  };
  words.addEventListener("input", apply);
  severity.addEventListener("change", apply);
  bar.hidden = false;
})();
