// A flag is looked for as it is written, `--as-of`: to the search a hyphen before a word would mean "without it".
document.addEventListener(
  "keyup",
  ({ target }) => {
    if (target instanceof HTMLInputElement && target.matches("[data-md-component=search-query]")) {
      const plain = target.value.replace(/(^|\s)-+/g, "$1");
      if (plain !== target.value) target.value = plain;
    }
  },
  true,
);
