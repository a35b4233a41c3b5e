/** Every component as Gradio knows it, and the functions that read the table. */
import { displayLabel } from '../../workers/components.ts'
import type { ComponentKind, ComponentSpec, SpecOf } from '../../workers/components.ts'
import type { GradioComponent, RenderFile, Schema } from './component.ts'
import { chatbot, dataframe, highlightedText, json, label } from './component-data.ts'
import { checkbox, checkboxGroup, code, dropdown, html, markdown, number, radio, slider, textbox } from './component-fields.ts'
import { audio, file, gallery, image, video } from './component-files.ts'

const components = {
  textbox,
  number,
  slider,
  checkbox,
  checkboxGroup,
  radio,
  dropdown,
  image,
  audio,
  video,
  file,
  gallery,
  label,
  json,
  markdown,
  html,
  highlightedText,
  dataframe,
  code,
  chatbot,
} satisfies { [Kind in ComponentKind]: GradioComponent<SpecOf<Kind>> }

/** Every kind. An entry is only ever asked about specs of its own kind, which its methods' parameters can't say. */
export const GRADIO_COMPONENTS: Readonly<Record<ComponentKind, GradioComponent<ComponentSpec>>> = Object.freeze(components)

/** The class name by which `/info` and the clients call it: only the first letter is upper case. */
export function componentName(spec: ComponentSpec): string {
  const { type } = GRADIO_COMPONENTS[spec.kind]
  return type.charAt(0).toUpperCase() + type.slice(1)
}

export function componentSchema(spec: ComponentSpec, side: 'input' | 'output'): Schema {
  return GRADIO_COMPONENTS[spec.kind].schema(spec, side)
}

/** An output, or a default, as the clients expect it; null stays null. */
export function toGradio(spec: ComponentSpec, value: unknown, renderFile: RenderFile): unknown {
  return value === null || value === undefined ? null : GRADIO_COMPONENTS[spec.kind].toGradio(value, spec, renderFile)
}

/** A client's value in the host's own form; null stays null. */
export function fromGradio(spec: ComponentSpec, value: unknown): unknown {
  return value === null || value === undefined ? null : GRADIO_COMPONENTS[spec.kind].fromGradio(value, spec)
}

/** What the front-end's component is built from. */
export function componentProps(key: string, spec: ComponentSpec, side: 'input' | 'output', value: unknown): Record<string, unknown> {
  const component = GRADIO_COMPONENTS[spec.kind]
  return {
    ...component.props(spec),
    ...(value !== null && { value }),
    label: displayLabel(key, spec),
    ...(spec.info !== undefined && { info: spec.info }),
    name: component.type,
    show_label: true,
    container: true,
    min_width: 160,
    visible: true,
    interactive: side === 'input',
    elem_classes: [],
  }
}
