/** Mounts one page into the document. */
import { mount, type Component } from 'svelte'

import './styles/app.css'

export function start(page: Component): void {
  const target = document.getElementById('app')
  if (target === null) throw new Error('the page has no #app')
  mount(page, { target })
}
