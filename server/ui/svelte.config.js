/** Read by svelte-check and the build alike. Every component is in runes mode; those of packages decide for themselves. */
export default {
  compilerOptions: {
    runes: ({ filename }) => (filename.includes('node_modules') ? undefined : true),
  },
}
