"use strict";
// Only what the page cannot do alone: everything is readable without this.
(() => {
  const root = document.documentElement;
  const all = (selector, from = document) => Array.from(from.querySelectorAll(selector));
  root.classList.add("js");

  // Light and dark: the system's wish until the reader has one.
  const theme = document.getElementById("theme");
  const dark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const named = () => { theme.textContent = dark() ? "Light" : "Dark"; };
  theme.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; named(); });
  named();

  // Copy and save.
  for (const button of all("[data-copy]")) {
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(source);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }
  const run = document.getElementById("run");
  const save = document.getElementById("save");
  if (run && save) {
    save.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([run.textContent, "\n"], { type: "application/json" }));
      link.download = save.dataset.file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }

  // Values and terms, shown where the pointer or the focus is.
  const tip = document.getElementById("tip");
  const scrolled = () => scrollX + " " + scrollY;
  let shownAt;
  let shown;
  const show = (text, where) => {
    shown = { text, where };
    shownAt = scrolled();
    tip.textContent = text;
    tip.hidden = false;
    const box = where();
    const size = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - size.width / 2), innerWidth - size.width - 8);
    const above = box.top - size.height - 8;
    tip.style.left = left + "px";
    tip.style.top = (above > 8 ? above : box.bottom + 8) + "px";
  };
  const hide = () => { tip.hidden = true; };
  const explain = (element, text) => {
    const at = () => show(text, () => element.getBoundingClientRect());
    element.addEventListener("pointerenter", at);
    element.addEventListener("focus", at);
    element.addEventListener("pointerleave", hide);
    element.addEventListener("blur", hide);
  };
  for (const term of all(".term[title]")) {
    term.dataset.meaning = term.title;
    term.removeAttribute("title");
    explain(term, term.dataset.meaning);
  }
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  // The event of a scroll that was over before the tip was shown may come after it. What the keyboard
  // asked for goes along: the focus itself may have made the page scroll.
  addEventListener("scroll", () => {
    if (tip.hidden || scrolled() === shownAt) return;
    if (document.activeElement?.matches(".drawing:focus-visible")) show(shown.text, shown.where);
    else hide();
  }, { passive: true });

  // Charts: arrow keys walk through the values.
  for (const drawing of all(".drawing")) {
    const hits = all(".hit", drawing);
    let at = -1;
    const mark = (index) => {
      hits.forEach((hit, other) => hit.classList.toggle("on", other === index));
      at = index;
      if (index < 0) { hide(); return; }
      const area = hits[index].querySelector(".area");
      show(hits[index].dataset.tip, () => {
        const { left, width, top, bottom } = area.getBoundingClientRect();
        return { left, width, top: top + 24, bottom };
      });
    };
    hits.forEach((hit, index) => {
      const title = hit.querySelector("title");
      hit.dataset.tip = title.textContent;
      title.remove();
      hit.addEventListener("pointerenter", () => mark(index));
      hit.addEventListener("pointerleave", () => mark(-1));
      hit.addEventListener("click", () => { if (hit.dataset.for) choose(hit.dataset.for); });
    });
    drawing.addEventListener("focus", () => { if (hits.length && drawing.matches(":focus-visible")) mark(0); });
    drawing.addEventListener("blur", () => mark(-1));
    drawing.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step && hits.length) {
        event.preventDefault();
        mark((at + step + hits.length) % hits.length);
      } else if (event.key === "Enter" && at >= 0 && hits[at].dataset.for) {
        choose(hits[at].dataset.for);
      }
    });
  }

  // One chosen level for all tables and for the charts inside a level.
  const rows = all("tbody tr[data-level]");
  function choose(level) {
    for (const row of rows) row.classList.toggle("on", row.dataset.level === level);
    const pick = document.getElementById("pick-" + level);
    if (pick) pick.checked = true;
  }
  for (const row of rows) row.addEventListener("click", () => choose(row.dataset.level));
  for (const pick of all(".per-level > input")) {
    pick.addEventListener("change", () => choose(pick.value));
    if (pick.checked) choose(pick.value);
  }

  // Columns sort by their raw values; a third click restores the order of the run.
  for (const table of all("table")) {
    const body = table.tBodies[0];
    const original = Array.from(body.rows);
    if (original.length < 2) continue;
    const heads = all(".heads th", table);
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.querySelector(".title").textContent;
      button.setAttribute("aria-label", "sort by " + button.textContent);
      const term = head.querySelector(".term");
      if (term) {
        button.className = "term";
        explain(button, term.dataset.meaning);
      }
      head.querySelector(".title").replaceChildren(button);
      button.addEventListener("click", () => {
        const order = { ascending: "descending", descending: "none" }[head.getAttribute("aria-sort")] || "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        if (order !== "none") head.setAttribute("aria-sort", order);
        const sign = order === "descending" ? -1 : 1;
        const key = (row) => {
          const cell = row.cells[column];
          if (cell.classList.contains("n")) return cell.dataset.value === undefined ? NaN : Number(cell.dataset.value);
          return cell.textContent;
        };
        const sorted = order === "none" ? original : original.slice().sort((a, b) => {
          const [left, right] = [key(a), key(b)];
          if (typeof left === "string") return sign * left.localeCompare(right);
          // What was not measured stands last in both orders.
          if (Number.isNaN(left) || Number.isNaN(right)) return Number.isNaN(left) - Number.isNaN(right);
          return sign * (left - right);
        });
        body.replaceChildren(...sorted);
      });
    });
  }
})();
