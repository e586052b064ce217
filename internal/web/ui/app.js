"use strict";
// Keeps a page that the server has drawn up to date: asks for each panel every
// 30 seconds and when the server says that something changed, changes only what
// changed, and keeps every age right in between. Without it the page reads just as well, it only stands still.
(() => {
  const EVERY = 30_000, PATIENCE = 10_000;
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => from.querySelectorAll(selector);
  const panels = () => [...$$("[data-panel]")];
  const setText = (el, text) => { if (el && el.textContent !== text) el.textContent = text; };
  const cookie = (name, value) => {
    document.cookie = `${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax${location.protocol === "https:" ? "; Secure" : ""}`;
  };

  // The one place where text becomes a document: panels of our own server.
  const toHTML = { createHTML: (text) => text };
  const policy = window.trustedTypes ? trustedTypes.createPolicy("envdeck", toHTML) : toHTML;
  const parse = (text) => new DOMParser().parseFromString(policy.createHTML(text), "text/html");

  // Ages. The server's clock is the only one that counts.
  let skew = Number(document.body.dataset.now || Date.now()) - Date.now();
  const now = () => Date.now() + skew;
  const ago = (ms) => { // the same rules as Ago in moment.go
    const s = Math.round(ms / 1000); // rounded: the clocks agree to some milliseconds only
    if (s < 5) return "now";
    if (s < 60) return `${Math.floor(s / 5) * 5} s ago`;
    if (s < 3600) return `${Math.floor(s / 60)} min ago`;
    if (s < 172800) return `${Math.floor(s / 3600)} h ago`;
    return `${Math.floor(s / 86400)} d ago`;
  };
  const left = (ms) => { const s = Math.max(0, Math.round(ms / 1000)); return s ? `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")} left` : "any moment"; };
  const old = (ms, state) => (state === "stale" ? `stale ${ago(ms).replace(" ago", "")}` : ago(ms));
  const tick = () => {
    const t = now();
    for (const el of $$("time[data-ago]")) setText(el, ago(t - Date.parse(el.dateTime)));
    for (const el of $$("time[data-left]")) setText(el, left(Date.parse(el.dateTime) - t));
    for (const el of $$(".age[data-asked]")) setText($("[data-text]", el), old(t - el.dataset.asked, el.dataset.state));
    if (lostSince) showLost();
  };

  // Envdeck-Age: vercel=12, sentry=240;stale
  const takeAges = (panel, header) => {
    if (header === null) return;
    for (const one of header.split(",")) {
      const [, name, seconds, stale] = /^\s*([^=;]+)=(\d+)(;stale)?/.exec(one) || [];
      if (!name) continue;
      for (const el of $$(".age", panel)) {
        if (el.dataset.source !== name) continue;
        el.dataset.asked = now() - seconds * 1000;
        if (stale) el.dataset.state = "stale"; else delete el.dataset.state;
      }
    }
  };

  // What a reader did to the page stays: open details, typed text, focus.
  const morph = (old, fresh) => Idiomorph.morph(old, fresh, {
    ignoreActiveValue: true,
    restoreFocus: true,
    callbacks: {
      beforeAttributeUpdated: (name, el) => !(name === "open" && el.tagName === "DETAILS"),
      beforeNodeMorphed: (from) => !(from.dataset && "keep" in from.dataset),
    },
  });

  const refresh = async (panel) => {
    const url = new URL(location.href);
    url.searchParams.set("fragment", panel.dataset.panel);
    url.hash = "";
    const answer = await fetch(url, {
      // Asking by itself does not keep a session alive that nobody sits at.
      headers: { "Envdeck-Poll": "1", ...(panel.dataset.etag && { "If-None-Match": panel.dataset.etag }) },
      cache: "no-store", credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(PATIENCE),
    });
    if (answer.status === 401) return location.reload(); // signed out: the server shows the way back in
    if (answer.status !== 200 && answer.status !== 304) throw new Error(`status ${answer.status}`);
    const clock = Number(answer.headers.get("Envdeck-Now"));
    if (clock) skew = clock - Date.now();
    if (answer.status === 200) {
      const fresh = $("[data-panel]", parse(await answer.text()));
      if (!fresh) throw new Error("not a panel");
      const said = panel.dataset.say;
      morph(panel, fresh);
      panel.dataset.etag = answer.headers.get("ETag");
      if (panel.dataset.say && panel.dataset.say !== said) say(panel.dataset.say);
      for (const form of $$("[data-filter]", panel)) filter(form);
      if ("title" in panel.dataset) retitle();
    }
    takeAges(panel, answer.headers.get("Envdeck-Age"));
    takeIncidents(answer.headers.get("Envdeck-Incidents"));
  };
  // What nobody could count stays as it was.
  const takeIncidents = (open) => {
    const badge = $("#incidents-open");
    if (!badge || open === null) return;
    setText($("[data-count]", badge), open === "0" ? "" : open);
    badge.hidden = open === "0";
  };
  const retitle = () => {
    const news = panels().map((p) => p.dataset.title).filter(Boolean)[0];
    const title = `${news ? `${news} · ` : ""}${document.body.dataset.page} · envdeck`;
    if (document.title !== title) document.title = title;
  };
  const say = (text) => setText($("#say"), text);

  // The loop. A hidden tab asks nothing; a shown one asks at once.
  let timer = 0, running = false, last = Date.now(), lostSince = 0, tries = 0, news = false;
  // A running release is watched: by being told of each step, else by asking often.
  const pace = () => (told() ? EVERY : Math.min(EVERY, ...panels().map((p) => 1000 * (p.dataset.pace || 30))));
  const schedule = (ms) => { clearTimeout(timer); if (!document.hidden) timer = setTimeout(round, ms); };
  const round = async () => {
    if (running || document.hidden) return;
    running = true;
    news = false;
    try {
      await Promise.all(panels().map(refresh));
      last = Date.now();
      tries = 0;
      found();
      listen();
      schedule(news ? soon() : pace());
    } catch {
      lostSince ||= last;
      tries++;
      showLost();
      schedule(Math.min(EVERY, 2000 * 2 ** tries));
    } finally {
      running = false;
      tick();
      document.dispatchEvent(new Event("envdeck:round"));
    }
  };

  // Live: a stream whose events only say "look again". While it is silent or
  // gone, the loop asks as ever. One for each tab that is looked at: a browser
  // gives a server six connections.
  let stream = null, seen = document.body.dataset.live;
  const told = () => stream?.readyState === EventSource.OPEN;
  // Many pages are told at the same moment; they do not all ask in it.
  const soon = () => Math.max(last + 1000 - Date.now(), Math.random() * 200);
  const listen = () => {
    if (!seen || document.hidden || stream && stream.readyState !== EventSource.CLOSED) return;
    const project = new URLSearchParams(location.search).get("project") || "";
    stream = new EventSource(`/admin/environments/live?${new URLSearchParams({ project, seen })}`);
    stream.addEventListener("changed", (event) => {
      seen = event.lastEventId;
      if (!news && !running) schedule(soon());
      news = true;
    });
  };
  const hush = () => { stream?.close(); stream = null; };
  const showLost = () => {
    const link = $("#link");
    setText($("[data-text]", link), `Connection lost. Showing what was known ${ago(Date.now() - lostSince)}.`);
    if (link.hidden) { link.hidden = false; say("Connection lost. The page shows what was known last."); }
  };
  const found = () => {
    if (!lostSince) return;
    lostSince = 0;
    $("#link").hidden = true;
    say("Connected again.");
  };

  // The filter of a list: every word must be somewhere in the row.
  const filter = (form) => {
    const body = document.getElementById(form.dataset.filter), input = $("input[type=search]", form);
    if (!body) return;
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown++;
    }
    setText($("output", form), `${shown} of ${body.rows.length}`);
    const none = document.getElementById(form.dataset.filter.replace("rows-", "none-"));
    if (none) none.hidden = shown > 0;
  };

  // Colours: what the system says, light, dark. A cookie, so that the server
  // draws the right ones at once.
  const nextTheme = { "": "light", light: "dark", dark: "" };
  const theme = (button) => {
    const to = nextTheme[button.dataset.themeNow || ""];
    button.dataset.themeNow = to;
    if (to) document.documentElement.dataset.theme = to; else delete document.documentElement.dataset.theme;
    setText($("[data-word]", button), to || "auto");
    cookie("theme", to || "auto");
  };

  // A secret that is shown once, or lines to copy: one press does it.
  const copy = async (button) => {
    const field = document.getElementById(button.dataset.copy);
    if (field.select) field.select(); else getSelection().selectAllChildren(field);
    try { await navigator.clipboard.writeText(field.value ?? field.textContent); setText(button, "Copied"); say("Copied."); } catch { say("Selected. Copy it with the keyboard."); }
  };

  // Passkeys: the form asks the server for the options, the browser for its
  // user, and is then sent like any other form.
  const passkey = async (form) => {
    const button = $("button", form), failed = (text) => {
      let note = $(".why-not", form);
      if (!note) form.append(note = Object.assign(document.createElement("p"), { className: "why-not" }));
      note.setAttribute("role", "alert");
      setText(note, text);
      button.disabled = false;
    };
    if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) return failed("This browser has no passkeys that a page can use. Take a newer one.");
    button.disabled = true;
    try {
      const answer = await fetch(form.dataset.options, { method: "POST", credentials: "same-origin", redirect: "manual", cache: "no-store" });
      if (answer.status === 403 && form.dataset.passkey === "create") return location.assign(`/confirm?next=${encodeURIComponent(location.pathname)}`);
      if (!answer.ok) return failed("The server did not allow it. Load the page again and try once more.");
      const { publicKey } = await answer.json();
      const credential = form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
      form.elements.answer.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch (error) {
      failed(error.name === "NotAllowedError" ? "Nothing was confirmed: the browser's dialog was closed or ran out." : error.name === "InvalidStateError" ? "This device has a passkey for your account already." : "The passkey could not be used. Try again.");
    }
  };
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-passkey]");
    if (form) { event.preventDefault(); passkey(form); }
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.copy) copy(button);
    if (button?.id === "theme") theme(button);
    if (button?.id === "retry") { setText($("#link [data-text]"), "Trying…"); round(); }
    for (const open of $$("details.menu[open], details.why[open], details.trouble[open]")) if (!open.contains(event.target)) open.open = false;
  });
  document.addEventListener("input", (event) => { const form = event.target.closest("[data-filter]"); if (form) filter(form); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const open of $$("details.menu[open], details.why[open], details.trouble[open]")) { open.open = false; $("summary", open).focus(); }
    }
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const input = $("[data-filter] input[type=search]");
      if (input) { event.preventDefault(); input.focus(); input.select(); }
    }
  });

  if (panels().length === 0) { // nothing to ask for: only the ages move
    setInterval(() => { if (!document.hidden) tick(); }, 1000);
    return;
  }
  document.addEventListener("visibilitychange", () => { if (document.hidden) { clearTimeout(timer); hush(); } else { round(); listen(); } });
  addEventListener("pagehide", hush); // a page that is kept to go back to keeps no connection
  addEventListener("pageshow", listen);
  addEventListener("online", round);
  for (const form of $$("[data-filter]")) filter(form);
  setInterval(() => { if (!document.hidden) tick(); }, 1000);
  tick();
  schedule(pace());
})();
