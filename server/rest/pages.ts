/** Plain pages, for a host without built ones: a list of the models, and one page for each with what is needed to call it. */
import type { Request, RequestHandler } from 'express'

import { displayLabel, exampleValue, hasFiles } from '../../workers/components.ts'
import type { ComponentSpec } from '../../workers/components.ts'
import type { ModelSpec } from '../../workers/contract.ts'
import type { AppDeps } from '../app.ts'
import type { ModelView } from '../model-view.ts'
import { escapeHtml, sendPage } from '../security/headers.ts'
import { publicPrefix, publicRoot } from '../security/public-root.ts'
import { withoutPaths } from '../status/public-text.ts'
import { namedModel } from './named-model.ts'
import type { ModelParams } from './predict.ts'

const STYLE = 'body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}pre{overflow:auto;background:#f3f3f3;padding:1rem}dt{font-weight:600}'

/** These pages are seen only where there are no others. */
const NOT_BUILT = '<p>The pages in which the models can be tried are not built: <code>npm ci</code> with the development packages, or <code>npm run build:ui</code>, does it.</p>'

/** `GET /` */
export function createIndexPage({ gateway }: AppDeps): RequestHandler {
  return (_req, res) => sendPage(res, indexHtml(gateway.models().map((model) => model.view())))
}

/** `GET /<model>/`, also while the model starts. */
export function createModelPage({ gateway, config }: AppDeps): RequestHandler<ModelParams> {
  return (req, res) => {
    const model = namedModel(gateway, req.params.model)
    sendPage(res, modelHtml(model.view(), model.spec, publicRoot(req, config.rootPath)))
  }
}

export function indexHtml(models: readonly Pick<ModelView, 'name' | 'title' | 'description' | 'state' | 'cause'>[]): string {
  const items = models.map(({ name, title, description, state, cause }) => {
    const condition = cause === null ? state : `${state}: ${withoutPaths(cause)}`
    return `<li><a href="${escapeHtml(name)}/">${escapeHtml(title)}</a> (${escapeHtml(condition)})<br>${escapeHtml(description)}</li>`
  })
  const list = items.length === 0 ? '<p>There are no models yet.</p>' : `<ul>${items.join('')}</ul>`
  return page('Footlights', `<h1>Footlights</h1>${list}<p><a href="docs">API</a> · <a href="status">Status</a></p>${NOT_BUILT}`)
}

/**
 * @param spec Null while the model starts.
 * @param root The public URL of the host, without a final slash.
 */
export function modelHtml({ name, title, description }: Pick<ModelView, 'name' | 'title' | 'description'>, spec: Pick<ModelSpec, 'inputs' | 'outputs'> | null, root: string): string {
  const parts = [`<p><a href="../">All models</a></p><h1>${escapeHtml(title)}</h1><p>${escapeHtml(description)}</p>`]
  if (spec === null) parts.push('<p>The model is starting. Its inputs and outputs are not known yet.</p>')
  else {
    parts.push(`<h2>Inputs</h2>${componentList(spec.inputs)}<h2>Outputs</h2>${componentList(spec.outputs)}`)
    parts.push(`<h2>Try it</h2><pre>${escapeHtml(curlExample(`${root}/${name}/predict`, spec.inputs))}</pre>`)
  }
  parts.push('<p><a href="../docs">API</a> · <a href="spec">Specification</a> · <a href="openapi.json">OpenAPI</a></p>')
  return page(title, parts.join(''))
}

/** `GET /<model>`: everything of a model lies below its slash. */
export function createSlashRedirect({ gateway, config }: AppDeps): RequestHandler<ModelParams> {
  return (req: Request<ModelParams>, res) => {
    const { name } = namedModel(gateway, req.params.model)
    const query = req.originalUrl.indexOf('?')
    res.redirect(308, `${publicPrefix(config.rootPath)}/${name}/${query === -1 ? '' : req.originalUrl.slice(query)}`)
  }
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body>${body}</body></html>`
}

function componentList(specs: Readonly<Record<string, ComponentSpec>>): string {
  const items = Object.entries(specs).map(([key, spec]) => {
    const info = spec.info === undefined ? '' : `: ${escapeHtml(spec.info)}`
    return `<dt>${escapeHtml(displayLabel(key, spec))}</dt><dd><code>${escapeHtml(key)}</code>, ${spec.kind}${info}</dd>`
  })
  return `<dl>${items.join('')}</dl>`
}

function curlExample(url: string, inputs: Readonly<Record<string, ComponentSpec>>): string {
  const examples = Object.entries(inputs).map(([key, spec]) => [key, exampleValue(spec)] as const)
  if (!hasFiles(inputs)) return `curl ${url} -H 'content-type: application/json' -d ${shellQuote(JSON.stringify(Object.fromEntries(examples)))}`
  const fields = examples.map(([key, value]) => {
    const spec = inputs[key]
    if (spec !== undefined && hasFiles({ [key]: spec })) return `-F ${shellQuote(`${key}=@file`)}`
    return `-F ${shellQuote(`${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)}`
  })
  return `curl ${url} ${fields.join(' ')}`
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
