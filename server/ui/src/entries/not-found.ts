import NotFound from '../pages/NotFound.svelte'
import { start } from '../start.ts'

start(NotFound)
