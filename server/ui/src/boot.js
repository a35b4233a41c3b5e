// Runs before the first paint: the visitor's own choice of theme, when there is one.
try {
  const theme = localStorage.getItem('footlights:theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // No storage, no choice.
}
