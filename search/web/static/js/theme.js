// Light or dark, before anything is drawn: this one is no module, so that it runs at once.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
  }
} catch {
  // a browser that keeps nothing follows the system
}
