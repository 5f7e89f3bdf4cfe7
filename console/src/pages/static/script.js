// What a page is better for, and complete without: the reader's zone, keys, copying, and a refresh that can be paused.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("scripted");

  // Local times have no Z behind them; what they are in UTC shows on hover.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const local = (moment) => {
    const two = (number) => String(number).padStart(2, "0");
    const day = [moment.getFullYear(), two(moment.getMonth() + 1), two(moment.getDate())].join("-");
    return `${day} ${[moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two).join(":")}`;
  };
  const zones = (scope) => scope.querySelectorAll("time[data-whole]").forEach((time) => {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) return;
    time.title = `${time.textContent} (UTC)`;
    time.textContent = local(moment);
  });
  document.querySelectorAll("[data-zone]").forEach((place) => { place.textContent = `Times in ${zone}`; });
  zones(document);

  // Where the pages are a strip, the one that is shown may stand out of sight.
  const strip = document.querySelector(".main-nav");
  const here = strip?.querySelector("a[aria-current]");
  if (here && strip.scrollWidth > strip.clientWidth) strip.scrollLeft = here.offsetLeft - strip.clientWidth / 3;

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copy).textContent;
    try {
      await navigator.clipboard.writeText(text.trim());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy";
    }
  });

  // Two submissions of one form would do no harm; one is clearer.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    const button = event.submitter;
    if (button) setTimeout(() => { button.disabled = true; }, 0);
  });

  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  const rows = () => [...document.querySelectorAll("main tbody tr")].filter((row) => row.querySelector("a"));
  let row = -1;
  let went = 0;
  const move = (step) => {
    const all = rows();
    if (all.length === 0) return;
    row = Math.min(Math.max(row + step, 0), all.length - 1);
    all[row].querySelector("a").focus();
  };
  const places = { d: "dashboard", p: "history", s: "disputes", w: "webhooks", l: "dead-letters", b: "bans", m: "metrics", a: "approvals" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === "/") {
      event.preventDefault();
      document.getElementById("search")?.focus();
    } else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "g") went = Date.now();
    else if (Date.now() - went < 1500 && places[event.key]) {
      document.querySelector(`[data-place="${places[event.key]}"]`)?.click();
    }
  });

  // A page that is live says how often; its button pauses it, and so does whoever is reading a detail.
  let paused = sessionStorage.getItem("paused") === "yes";
  const show = (one) => { one.textContent = paused ? "Resume refresh" : "Pause refresh"; one.setAttribute("aria-pressed", String(paused)); };
  // The button may be part of what is refreshed; where nothing moves any more, there is none.
  const adopted = () => {
    const one = document.querySelector("button[data-refresh]");
    if (one && one !== button) {
      one.addEventListener("click", () => { paused = !paused; sessionStorage.setItem("paused", paused ? "yes" : "no"); show(one); });
      show(one);
    }
    return one;
  };
  let button = null;
  button = adopted();
  if (button) {
    const busy = () => paused || document.hidden || document.querySelector("main :focus, main details[open]");
    let tag = "";
    const refresh = async () => {
      if (!busy()) {
        try {
          const headers = { "Tidegate-Refresh": "1", ...(tag ? { "If-None-Match": tag } : {}) };
          const answer = await fetch(location.href, { credentials: "same-origin", redirect: "manual", cache: "no-store", headers });
          // The session has ended, as an unused one does: what it showed goes, too.
          if (answer.type === "opaqueredirect") { location.reload(); return; }
          if (answer.ok) {
            tag = answer.headers.get("ETag") ?? "";
            const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
            const old = document.querySelector("[data-live]");
            if (fresh && old && !busy()) { old.replaceWith(fresh); zones(fresh); button = adopted(); }
          }
        } catch { /* the next one may go through */ }
      }
      again();
    };
    const again = () => { if (button) setTimeout(refresh, Number(button.dataset.refresh) * 1000); };
    again();
  }
})();
