// Applies the chosen theme before the first paint; the page's theme button writes the same key.
try {
  const theme = localStorage.getItem('clozelab-theme');
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is denied: the system's theme holds.
}
