import Model from '../pages/Model.svelte'
import { start } from '../start.ts'

start(Model)
