"use strict";
// The sample browser. All text of the data goes into text nodes: what a model wrote is never HTML.
(() => {
  const source = document.getElementById("sample-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const form = document.querySelector(".filters");
  const list = document.querySelector(".list");
  const article = document.querySelector(".sample");
  const MARKS = { pass: "✓", fail: "✗", infra: "⚠" };
  let shown = [];
  let current = null;

  // Control characters and those that reorder text would hide what a program really says: show them by number.
  const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
  const visible = (text) =>
    text.replace(HIDDEN, (sign) => "⟨U+" + sign.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0") + "⟩");

  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    for (const child of children) element.append(typeof child === "string" ? visible(child) : child);
    return element;
  };

  const key = (sample) => [sample.stage, sample.when, sample.task, sample.index].filter((part) => part !== "").join("/");
  const codes = (sample) => [...new Set([...sample.diagnostics.map((one) => one.code || "syntax"), ...sample.lints])];
  const plural = (count, noun) => count + " " + noun + (count === 1 ? "" : "s");

  const searchable = (sample) => {
    const task = data.tasks[sample.task];
    const prompt = task ? task.prompt.map((message) => message.content) : [];
    const found = sample.diagnostics.map((one) => (one.code || "") + " " + one.message);
    return [sample.task, task ? task.family : "", ...prompt, sample.text, sample.code, ...found].join("\n").toLowerCase();
  };
  const texts = data.samples.map(searchable);

  const diagnosticBlock = (one) =>
    make("span", "diagnostic " + one.level, one.level + (one.code ? "[" + one.code + "]" : "") + ": " + one.message);

  const numberedSource = (sample) => {
    const block = make("div", "source");
    const lines = sample.code.replace(/\n$/, "").split("\n");
    lines.forEach((text, position) => {
      const here = sample.diagnostics.filter((one) => one.line === position + 1);
      const worst = here.some((one) => one.level === "error") ? "error" : "warning";
      const line = make("div", here.length ? "line marked " + worst : "line", make("span", "", text || " "));
      line.dataset.line = position + 1;
      block.append(line, ...here.map(diagnosticBlock));
    });
    return { block, loose: sample.diagnostics.filter((one) => !one.line || one.line > lines.length) };
  };

  const verdictLine = (sample) => {
    const line = make("p", "verdict", make("b", sample.status, MARKS[sample.status] + " " + sample.status));
    line.append(" · " + sample.reason + " · reached " + sample.reached);
    const tests = sample.tests;
    if (tests.expected) {
      line.append(" · tests: " + tests.passed + " passed, " + tests.run + " run, " + tests.expected + " expected");
    }
    return line;
  };

  const folded = (title, text) => {
    const details = make("details", "", make("summary", "", title));
    details.append(make("pre", "", text));
    return details;
  };

  const number = (value) => String(Math.round(value * 1000) / 1000);

  const rewardTable = (reward) => {
    if (reward.value === null) return make("p", "note", "unscored: " + reward.unscored);
    const table = make("table", "reward");
    const body = make("tbody", "");
    for (const [name, value] of [["reward", reward.value], ...Object.entries(reward.parts)]) {
      const title = make("th", "", name.replaceAll("_", " "));
      title.scope = "row";
      body.append(make("tr", name === "reward" ? "total" : "", title, make("td", "number", number(value))));
    }
    table.append(body);
    return table;
  };

  const otherAnswers = (sample) => {
    const others = data.samples.filter((one) => one.task === sample.task && one !== sample);
    if (!others.length) return "";
    const row = make("div", "others", "same task: ");
    for (const other of others.slice(0, 12)) {
      const label = other.stage + (other.when ? ", " + other.when : "") + (other.index ? " #" + other.index : "");
      const button = make("button", "", make("span", other.status, MARKS[other.status]), " " + label);
      button.type = "button";
      button.addEventListener("click", () => show(other));
      row.append(button);
    }
    return row;
  };

  function show(sample) {
    current = sample;
    const task = data.tasks[sample.task];
    const facts = [sample.stage, sample.when];
    if (task) facts.push("level " + task.level, task.family);
    if (sample.tokens) facts.push(plural(sample.tokens, "token"));
    if (sample.finish === "length") facts.push("cut at the token limit");
    facts.push(Math.round(sample.cpu_ms) + " ms CPU" + (sample.cached ? ", from the cache" : ""));
    const parts = [make("h3", "", sample.task + (sample.index ? " #" + sample.index : "")), verdictLine(sample),
      make("div", "note", facts.filter(Boolean).join(" · ")), otherAnswers(sample)];
    if (task) {
      for (const message of task.prompt) parts.push(make("h4", "", "prompt, " + message.role), make("pre", "", message.content));
    }
    if (sample.code) {
      const { block, loose } = numberedSource(sample);
      parts.push(make("h4", "", "code that was judged"), block);
      if (loose.length) parts.push(make("h4", "", "messages without a line"), make("div", "loose", ...loose.map(diagnosticBlock)));
    } else {
      parts.push(make("h4", "", "no code was found in the answer"), make("pre", "", sample.text || "(empty answer)"));
    }
    if (sample.reward) parts.push(make("h4", "", "reward"), rewardTable(sample.reward));
    if (sample.detail) parts.push(make("h4", "", "detail"), make("pre", "", sample.detail));
    if (sample.lints.length) parts.push(make("h4", "", "lints"), make("pre", "", sample.lints.join("\n")));
    if (sample.code && sample.text && sample.text !== sample.code) parts.push(folded("Whole answer of the model", sample.text));
    if (task && task.reference) parts.push(folded("Reference answer", task.reference));
    article.replaceChildren(...parts.filter(Boolean));
    for (const button of list.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.key === key(sample)));
    }
    history.replaceState(null, "", "#sample=" + encodeURIComponent(key(sample)));
  }

  function listButton(sample) {
    const button = make("button", "", make("span", sample.status, MARKS[sample.status]), " " + sample.task + (sample.index ? " #" + sample.index : ""));
    button.append(make("small", "", [sample.stage, sample.when, sample.reason].filter(Boolean).join(" · ")));
    button.type = "button";
    button.dataset.key = key(sample);
    button.setAttribute("aria-pressed", String(current !== null && key(current) === key(sample)));
    button.addEventListener("click", () => show(sample));
    return button;
  }

  function filter() {
    const wanted = { stage: form.stage.value, status: form.status.value, reason: form.reason.value };
    const code = form.code.value;
    const search = form.search.value.trim().toLowerCase();
    shown = data.samples.filter((sample, position) =>
      Object.entries(wanted).every(([name, value]) => !value || sample[name] === value) &&
      (!code || codes(sample).includes(code)) && (!search || texts[position].includes(search)));
    list.replaceChildren(...(shown.length ? shown.map(listButton) : [make("div", "empty", "Nothing matches.")]));
    const all = data.stages.reduce((sum, stage) => sum + stage.all, 0);
    form.count.textContent = plural(shown.length, "sample") + " of " + data.samples.length +
      (all > data.samples.length ? " (of " + all + " in all; the others are in the run folder)" : "");
  }

  const fill = (select, values, counts) => {
    for (const value of values) {
      const option = make("option", "", counts ? value + " (" + counts.get(value) + ")" : value);
      option.value = value;
      select.append(option);
    }
  };
  fill(form.stage, data.stages.map((stage) => stage.name));
  fill(form.status, [...new Set(data.samples.map((sample) => sample.status))].sort());
  fill(form.reason, [...new Set(data.samples.map((sample) => sample.reason))].sort());
  const counts = new Map();
  for (const sample of data.samples) for (const code of codes(sample)) counts.set(code, (counts.get(code) || 0) + 1);
  fill(form.code, [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || (a < b ? -1 : 1)), counts);
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !document.activeElement.dataset.key) return;
    event.preventDefault();
    const next = step > 0 ? document.activeElement.nextElementSibling : document.activeElement.previousElementSibling;
    if (next) { next.focus(); next.click(); }
  });
  filter();
  const linked = location.hash.startsWith("#sample=") ? decodeURIComponent(location.hash.slice(8)) : "";
  const start = data.samples.find((sample) => key(sample) === linked);
  const hash = location.hash;
  if (start || shown.length) show(start || shown[0]);
  if (start) article.scrollIntoView();
  else history.replaceState(null, "", hash || location.pathname);
})();
