import Gallery from '../pages/Gallery.svelte'
import { start } from '../start.ts'

start(Gallery)
