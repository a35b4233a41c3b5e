/** Parts of the page that are loaded when they are needed, also when the host is gone just then. */
import { connection } from './connection.svelte.ts'

const MOST_TRIES = 5

interface Patience {
  /** Asks the host whether it is there before the part is loaded: a round trip more, for what is loaded long after the page. Default false. */
  asksFirst?: boolean
}

/** Loads a part of the page as soon as the host is there. Browsers may keep a failure, so nothing is tried while it is known to be gone. */
export async function patiently<Part>(load: () => Promise<Part>, { asksFirst = false }: Patience = {}): Promise<Part> {
  for (let tries = 1; ; tries++) {
    await (asksFirst ? connection.answers() : connection.up())
    try {
      return await load()
    } catch (error) {
      if (tries === MOST_TRIES) throw error
      connection.lost()
      await connection.up()
      renewStyles()
    }
  }
}

/** A style sheet that did not arrive is not asked for a second time by those who load the part it belongs to. */
function renewStyles(): void {
  for (const link of document.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"]')) {
    if (link.sheet === null) link.replaceWith(link.cloneNode())
  }
}
