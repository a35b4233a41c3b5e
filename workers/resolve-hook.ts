import { registerHooks } from 'node:module'
import { extname } from 'node:path'

/** The public authoring API: source in the repository, compiled in the published package. */
const MODEL_API_URL = new URL(`./model${extname(import.meta.url)}`, import.meta.url).href

let registered = false

/**
 * Makes `import … from 'footlights'` resolve to this host's own authoring API, wherever the importing file lies.
 * Inside the repository it is the same module that self-reference finds. Holds for the calling thread only;
 * calling it again does nothing. A copy of footlights installed beside the models is passed over, so that
 * a model always speaks the version of the host that runs it.
 */
export function registerFootlightsResolution(): void {
  if (registered) return
  registered = true
  registerHooks({
    resolve(specifier, context, nextResolve) {
      return nextResolve(specifier === 'footlights' ? MODEL_API_URL : specifier, context)
    },
  })
}
