/** Light, dark, or as the system says; kept for this browser and applied before the first paint by `boot.js`. */
export type Theme = 'auto' | 'light' | 'dark'

const KEY = 'footlights:theme'
const NEXT: Readonly<Record<Theme, Theme>> = { auto: 'light', light: 'dark', dark: 'auto' }

class ThemeChoice {
  current = $state<Theme>(kept())

  /** To the next of the three. */
  next(): void {
    this.current = NEXT[this.current]
    const page = document.documentElement
    if (this.current === 'auto') delete page.dataset.theme
    else page.dataset.theme = this.current
    try {
      localStorage.setItem(KEY, this.current)
    } catch {
      // Then it holds for this page only.
    }
  }
}

function kept(): Theme {
  const { theme } = document.documentElement.dataset
  return theme === 'light' || theme === 'dark' ? theme : 'auto'
}

export const theme = new ThemeChoice()
