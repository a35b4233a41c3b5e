/**
 * Which file draws which kind of component. Each is a chunk of its own, loaded when a page has such an input or output.
 * A new kind is an entry in `workers/components.ts` and one here.
 */
import type { Component } from 'svelte'

import { patiently } from '../lib/patiently.ts'
import type { ComponentKind, InputProps, OutputProps } from './types.ts'

interface Drawing {
  input: () => Promise<{ default: unknown }>
  output: () => Promise<{ default: unknown }>
}

export const COMPONENT_FILES: Readonly<Record<ComponentKind, Drawing>> = {
  textbox: { input: () => import('./inputs/Textbox.svelte'), output: () => import('./outputs/Textbox.svelte') },
  number: { input: () => import('./inputs/Number.svelte'), output: () => import('./outputs/Number.svelte') },
  slider: { input: () => import('./inputs/Slider.svelte'), output: () => import('./outputs/Slider.svelte') },
  checkbox: { input: () => import('./inputs/Checkbox.svelte'), output: () => import('./outputs/Checkbox.svelte') },
  checkboxGroup: { input: () => import('./inputs/CheckboxGroup.svelte'), output: () => import('./outputs/CheckboxGroup.svelte') },
  radio: { input: () => import('./inputs/Radio.svelte'), output: () => import('./outputs/Radio.svelte') },
  dropdown: { input: () => import('./inputs/Dropdown.svelte'), output: () => import('./outputs/Dropdown.svelte') },
  image: { input: () => import('./inputs/Image.svelte'), output: () => import('./outputs/Image.svelte') },
  audio: { input: () => import('./inputs/Audio.svelte'), output: () => import('./outputs/Audio.svelte') },
  video: { input: () => import('./inputs/Video.svelte'), output: () => import('./outputs/Video.svelte') },
  file: { input: () => import('./inputs/File.svelte'), output: () => import('./outputs/File.svelte') },
  gallery: { input: () => import('./inputs/Gallery.svelte'), output: () => import('./outputs/Gallery.svelte') },
  label: { input: () => import('./inputs/Label.svelte'), output: () => import('./outputs/Label.svelte') },
  json: { input: () => import('./inputs/Json.svelte'), output: () => import('./outputs/Json.svelte') },
  markdown: { input: () => import('./inputs/Markdown.svelte'), output: () => import('./outputs/Markdown.svelte') },
  html: { input: () => import('./inputs/Html.svelte'), output: () => import('./outputs/Html.svelte') },
  highlightedText: { input: () => import('./inputs/HighlightedText.svelte'), output: () => import('./outputs/HighlightedText.svelte') },
  dataframe: { input: () => import('./inputs/Dataframe.svelte'), output: () => import('./outputs/Dataframe.svelte') },
  code: { input: () => import('./inputs/Code.svelte'), output: () => import('./outputs/Code.svelte') },
  chatbot: { input: () => import('./inputs/Chatbot.svelte'), output: () => import('./outputs/Chatbot.svelte') },
}

/** The component that draws an input of this kind. */
export async function loadInput(kind: ComponentKind): Promise<Component<InputProps, Record<string, unknown>, 'value'>> {
  return drawn((await COMPONENT_FILES[kind].input()).default)
}

const outputs = new Map<ComponentKind, Promise<Component<OutputProps>>>()

/** The component that draws an output of this kind. Waits for a host that is gone; asked for again, it is there at once. */
export function loadOutput(kind: ComponentKind): Promise<Component<OutputProps>> {
  let loading = outputs.get(kind)
  if (loading === undefined) {
    loading = patiently(COMPONENT_FILES[kind].output, { asksFirst: true }).then((file) => drawn(file.default))
    outputs.set(kind, loading)
    loading.catch(() => outputs.delete(kind))
  }
  return loading
}

/** Each file takes the spec and the value of its own kind, which is what the map says and no type can: the kind is known at run time only. */
function drawn<Drawn>(file: unknown): Drawn {
  return file as Drawn
}
