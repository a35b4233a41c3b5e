/** What a run may have to say besides its result. */
export { default as RunNotices } from './RunNotices.svelte'
export { default as Trouble } from './Trouble.svelte'
