/** Small parts that every native route shares: JSON out, forms of answers, and files as callers see them. */
import type { Request, Response } from 'express'

import { hasFiles, renderFiles } from '../../workers/components.ts'
import type { ComponentSpec, FileRef } from '../../workers/components.ts'
import type { Values } from '../../workers/contract.ts'
import { RequestError } from '../../workers/errors.ts'
import type { FileStore } from '../files/store.ts'
import type { Prediction } from '../prediction.ts'
import { publicRoot } from '../security/public-root.ts'

/** Sends JSON as it is: no ETag, no formatting, one write. */
export function sendJson(res: Response, status: number, value: unknown): void {
  const body = JSON.stringify(value)
  res.setHeader('content-type', 'application/json; charset=utf-8')
  res.setHeader('content-length', Buffer.byteLength(body))
  res.statusCode = status
  res.end(res.req.method === 'HEAD' ? undefined : body)
}

export type AnswerForm = 'json' | 'events'

/**
 * Which form the caller wants; JSON when it does not say.
 *
 * @throws {RequestError} `NOT_ACCEPTABLE` when it takes neither JSON nor an event stream.
 */
export function answerForm(req: Request): AnswerForm {
  const { accept } = req.headers
  if (accept === undefined || accept === '*/*' || accept === 'application/json') return 'json'
  if (accept === 'text/event-stream') return 'events'
  const best = req.accepts(['application/json', 'text/event-stream'])
  if (best === false) throw new RequestError('NOT_ACCEPTABLE', 'The answer is application/json or text/event-stream; the accept header takes neither.')
  return best === 'text/event-stream' ? 'events' : 'json'
}

/** A file as callers see it; `url` is absolute. */
export interface PublicFile {
  url: string
  name: string
  size: number
  mimeType: string
}

/** Values as callers see them. */
export type Render = (values: Values) => Values

const AS_THEY_ARE: Render = (values) => values

/** Makes the public form of values for one request: stored files become links. Values without files are passed on as they are, and the request is not looked at. */
export function createRender(req: () => Request, specs: Readonly<Record<string, ComponentSpec>>, files: FileStore, rootPath: string): Render {
  if (!hasFiles(specs)) return AS_THEY_ARE
  const link = createFileLink(req(), files, rootPath)
  return (values) => {
    const rendered: Values = {}
    for (const [name, value] of Object.entries(values)) {
      const spec = specs[name]
      rendered[name] = spec === undefined ? value : renderFiles(spec, value, link)
    }
    return rendered
  }
}

/** The same for what a prediction gives, which is known only when it runs: until then its model may become another. */
export function createOutputRender(req: Request, prediction: Prediction, files: FileStore, rootPath: string): Render {
  let specs = prediction.outputSpecs
  let render = createRender(() => req, specs, files, rootPath)
  return (outputs) => {
    if (specs !== prediction.outputSpecs) {
      specs = prediction.outputSpecs
      render = createRender(() => req, specs, files, rootPath)
    }
    return render(outputs)
  }
}

function createFileLink(req: Request, files: FileStore, rootPath: string): (file: FileRef) => PublicFile {
  const base = `${publicRoot(req, rootPath)}/file/`
  return (file) => {
    const url = base + files.publicPath(file).split('/').map(encodeURIComponent).join('/')
    return { url, name: file.name, size: file.size, mimeType: file.mimeType }
  }
}
