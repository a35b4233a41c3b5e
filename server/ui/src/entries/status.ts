import Status from '../pages/Status.svelte'
import { start } from '../start.ts'

start(Status)
