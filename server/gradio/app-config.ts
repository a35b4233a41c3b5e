import { randomInt } from 'node:crypto'

import { defaultValue } from '../../workers/components.ts'
import type { ComponentSpec } from '../../workers/components.ts'
import type { ModelSpec } from '../../workers/contract.ts'
import { componentProps, componentSchema, GRADIO_COMPONENTS } from './components.ts'
import { exampleInput } from './api-info.ts'
import { renderValue } from './values.ts'
import type { RenderContext } from './values.ts'

/** The Gradio version whose protocol this is. The Python client refuses to cancel below 4.29 and to start below 3.36.1. */
const PROTOCOL_VERSION = '6.31.0'
export const API_PREFIX = '/gradio_api'
/** The only function of a model. */
export const FN_INDEX = 0

/** Differs in every run of the host: Gradio's page reloads itself when it changes. Below 2^48, which JSON carries exactly. */
export const APP_ID = randomInt(2 ** 47, 2 ** 48 - 1)

/** What an address needs to know of a reader: its absolute URL of the model, and where files are. */
export interface ConfigContext extends RenderContext {
  /** Without a final slash. */
  root: string
  maxUploadBytes: number
}

/** `GET /config`: the model as a Gradio app with one function. */
export function appConfig(name: string, spec: ModelSpec, context: ConfigContext): Record<string, unknown> {
  const { components, layout, inputs, outputs, button } = page(spec, context)
  const dependency = dependencyOf(spec, inputs, outputs, button)
  return {
    version: PROTOCOL_VERSION,
    api_prefix: API_PREFIX,
    protocol: protocolFor(spec),
    mode: 'interface',
    app_id: APP_ID,
    root: context.root,
    username: null,
    dev_mode: false,
    vibe_mode: false,
    analytics_enabled: false,
    // No session keeps state here, and the JavaScript client would never let its process end.
    connect_heartbeat: false,
    enable_queue: true,
    show_error: true,
    is_colab: false,
    space_id: null,
    title: spec.title === '' ? name : spec.title,
    css: null,
    js: null,
    head: null,
    stylesheets: [],
    theme: 'default',
    theme_hash: 'footlights',
    body_css: { body_background_fill: 'white', body_text_color: '#27272a', body_background_fill_dark: '#0f0f11', body_text_color_dark: '#f4f4f5' },
    fill_height: false,
    fill_width: false,
    footer_links: ['api', 'settings'],
    run_history: false,
    max_file_size: context.maxUploadBytes,
    pwa: false,
    mcp_server: false,
    i18n_translations: null,
    pages: [['', 'Home', true]],
    page: { '': { layout, components: components.map(({ id }) => id), dependencies: [FN_INDEX] } },
    layout,
    components,
    dependencies: [dependency],
  }
}

/**
 * Both close the stream on the host's word in the JavaScript client. Under v2.1 the Python client takes only what is marked for a file;
 * else it tries to download every object that has a `path`, which free JSON may have.
 */
function protocolFor(spec: ModelSpec): string {
  return Object.values(spec.outputs).some(({ kind }) => kind === 'json' || kind === 'dataframe') ? 'sse_v2.1' : 'sse_v3'
}

interface Component {
  id: number
  [field: string]: unknown
}

function page(spec: ModelSpec, context: RenderContext): { components: Component[]; layout: unknown; inputs: number[]; outputs: number[]; button: number } {
  const inputs = Object.entries(spec.inputs).map(([key, component], index) => valueComponent(1 + index, key, component, 'input', context, exampleInput(spec, key, component, context)))
  const button = inputs.length + 1
  const outputs = Object.entries(spec.outputs).map(([key, component], index) => valueComponent(button + 1 + index, key, component, 'output', context, null))
  const firstLayout = button + outputs.length + 1
  const [row, left, right] = [firstLayout, firstLayout + 1, firstLayout + 2]
  const leaves = (components: Component[]): unknown[] => components.map(({ id }) => ({ id, children: [] }))
  const layout = {
    id: 0,
    children: [{ id: row, children: [{ id: left, children: [...leaves(inputs), { id: button, children: [] }] }, { id: right, children: leaves(outputs) }] }],
  }
  const components = [
    ...inputs,
    fixedComponent(button, 'button', { value: 'Submit', variant: 'primary', size: 'lg', interactive: true }),
    ...outputs,
    fixedComponent(row, 'row', { variant: 'default', equal_height: false }),
    fixedComponent(left, 'column', { scale: 1, min_width: 320, variant: 'default' }),
    fixedComponent(right, 'column', { scale: 1, min_width: 320, variant: 'default' }),
  ]
  return { components, layout, inputs: inputs.map(({ id }) => id), outputs: outputs.map(({ id }) => id), button }
}

function valueComponent(id: number, key: string, spec: ComponentSpec, side: 'input' | 'output', context: RenderContext, example: unknown): Component {
  const { type } = GRADIO_COMPONENTS[spec.kind]
  const value = side === 'input' ? renderValue(spec, defaultValue(spec), context) : null
  return {
    id,
    type,
    props: componentProps(key, spec, side, value),
    skip_api: false,
    // One per class: the front-end caches loaded modules under it.
    component_class_id: type,
    key: null,
    api_info: componentSchema(spec, side),
    api_info_as_input: componentSchema(spec, 'input'),
    api_info_as_output: componentSchema(spec, 'output'),
    example_inputs: example ?? GRADIO_COMPONENTS[spec.kind].example(spec),
  }
}

function fixedComponent(id: number, type: string, props: Record<string, unknown>): Component {
  return { id, type, props: { name: type, visible: true, elem_classes: [], ...props }, skip_api: true, component_class_id: type, key: null }
}

function dependencyOf(spec: ModelSpec, inputs: number[], outputs: number[], button: number): Record<string, unknown> {
  return {
    id: FN_INDEX,
    targets: [[button, 'click']],
    inputs,
    outputs,
    backend_fn: true,
    js: null,
    queue: true,
    api_name: spec.apiName,
    api_description: spec.description === '' ? null : spec.description,
    api_visibility: 'public',
    scroll_to_output: false,
    show_progress: 'full',
    show_progress_on: null,
    // Batching is the host's own affair: clients always send one sample.
    batch: false,
    max_batch_size: 4,
    cancels: [],
    types: { generator: spec.streams, cancel: false },
    collects_event_data: false,
    trigger_after: null,
    trigger_only_on_success: false,
    trigger_only_on_failure: false,
    trigger_mode: 'once',
    rendered_in: null,
    render_id: null,
    connection: 'sse',
    time_limit: null,
    stream_every: 0.5,
    event_specific_args: [],
    component_prop_inputs: [],
    js_implementation: null,
  }
}
