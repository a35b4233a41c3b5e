/** The words of the gallery; apart, so that only the page that says them loads them. */
import { capital, inWords } from './format.ts'

export const galleryText = {
  title: 'Models',
  summary: (all: number, ready: number): string => {
    if (all === 0) return 'No models are hosted here yet.'
    const hosted = `${capital(inWords(all))} ${all === 1 ? 'model is' : 'models are'} hosted here`
    if (ready === all) return `${hosted}, ${all === 1 ? 'it' : all === 2 ? 'both' : 'all of them'} can take work now.`
    return `${hosted}, ${inWords(ready)} can take work now.`
  },
  none: 'Put a folder with a model.ts into the models folder and start the host again.',
  search: 'Search models',
  searchHint: 'Search by name, task or input',
  show: 'Show',
  group: { all: 'All', text: 'Text', image: 'Image', audio: 'Audio', data: 'Data' },
  about: (duration: string): string => `about ${duration}`,
  readyIn: (duration: string): string => `ready in about ${duration}`,
  sleeping: 'wakes at the first request',
  nextTry: (time: string): string => `Next try at ${time}.`,
  noMatch: (words: string): string => `No model matches “${words}”`,
  noMatchMore: 'Try another word, or show all models.',
  showAll: 'Show all',
  loading: 'Loading the list of models',
  to: 'to',
}
