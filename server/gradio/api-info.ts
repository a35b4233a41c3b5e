import { defaultValue, displayLabel } from '../../workers/components.ts'
import type { ComponentSpec } from '../../workers/components.ts'
import type { ModelSpec } from '../../workers/contract.ts'
import { componentName, componentSchema, GRADIO_COMPONENTS } from './components.ts'
import { parameterNames } from './parameters.ts'
import { renderValue } from './values.ts'
import type { RenderContext } from './values.ts'

/** `GET /info`: the endpoint's parameters and returns, as the clients' keyword calls and `view_api` need them. */
export function apiInfo(spec: ModelSpec, context: RenderContext): Record<string, unknown> {
  return {
    named_endpoints: {
      [`/${spec.apiName}`]: { parameters: parameters(spec, context), returns: returns(spec), api_visibility: 'public', description: spec.description },
    },
    // The Python client fails without it.
    unnamed_endpoints: {},
  }
}

function parameters(spec: ModelSpec, context: RenderContext): unknown[] {
  const names = parameterNames(spec)
  return Object.entries(spec.inputs).map(([key, component], index) => {
    const value = defaultValue(component)
    return {
      label: displayLabel(key, component),
      parameter_name: names[index],
      parameter_has_default: value !== undefined,
      parameter_default: renderValue(component, value, context),
      ...described(component, 'input'),
      example_input: exampleInput(spec, key, component, context),
    }
  })
}

function returns(spec: ModelSpec): unknown[] {
  return Object.entries(spec.outputs).map(([key, component]) => ({ label: displayLabel(key, component), ...described(component, 'output') }))
}

function described(spec: ComponentSpec, side: 'input' | 'output'): Record<string, unknown> {
  return {
    type: componentSchema(spec, side),
    python_type: { type: GRADIO_COMPONENTS[spec.kind].pythonType(spec, side), description: spec.info ?? '' },
    component: componentName(spec),
  }
}

/** What the input is in the author's first example that has it, else something plausible. */
export function exampleInput(spec: ModelSpec, key: string, component: ComponentSpec, context: RenderContext): unknown {
  const given = spec.examples.find((example) => Object.hasOwn(example, key) && example[key] !== null)?.[key]
  return given === undefined ? GRADIO_COMPONENTS[component.kind].example(component) : renderValue(component, given, context)
}
