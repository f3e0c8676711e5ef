// A flag is looked for as it is written, `--as-of`. To the search a hyphen before a word would mean "without it", and one within a
// word would part it; in the index a flag is one word (`separator` in mkdocs.yml). So what is asked is `as*of`, and what is read in the
// field stays as it was typed.
const flag = /(^|\s)-+([a-z]+(?:-[a-z]*)*)/gi;
const send = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (message, ...rest) {
  const asked = message && typeof message.data === "string" && message.data.match(flag);
  if (!asked) return send.call(this, message, ...rest);
  const data = message.data.replace(flag, (_, before, name) => before + name.replace(/-+/g, "*"));
  return send.call(this, { ...message, data }, ...rest);
};
// The search counts as missing in a page what it has found by `*`.
const list = document.querySelector("[data-md-component=search-result]");
new MutationObserver(() => {
  for (const missing of list.querySelectorAll(".md-search-result__terms")) {
    for (const word of missing.querySelectorAll("del")) if (word.textContent.includes("*")) word.remove();
    missing.style.display = missing.querySelector("del") ? "" : "none";
  }
}).observe(list, { childList: true, subtree: true });
