/** One address with its methods; any other method on it is 405 with `Allow`, and OPTIONS tells the same. */
import type { Express, RequestHandler } from 'express'

import { RequestError } from '../../workers/errors.ts'

/** HEAD goes with `get`. */
export interface Methods<Params> {
  get?: RequestHandler<Params>
  post?: RequestHandler<Params>
  delete?: RequestHandler<Params>
}

/** @param isThere Throws for a path whose parameters name nothing, so that this is 404 and not 405. */
export function addRoute<Params>(app: Express, path: string, methods: Methods<Params>, isThere?: (params: Params) => void): void {
  if (methods.get !== undefined) app.get(path, methods.get)
  if (methods.post !== undefined) app.post(path, methods.post)
  if (methods.delete !== undefined) app.delete(path, methods.delete)
  const allow = allowed(methods)
  app.all<string, Params>(path, (req, res) => {
    isThere?.(req.params)
    res.setHeader('allow', allow)
    if (req.method !== 'OPTIONS') throw new RequestError('METHOD_NOT_ALLOWED', `Only ${allow} are allowed here.`)
    res.status(204).end()
  })
}

function allowed<Params>({ get, post, delete: remove }: Methods<Params>): string {
  const names = [...(get === undefined ? [] : ['GET', 'HEAD']), ...(post === undefined ? [] : ['POST']), ...(remove === undefined ? [] : ['DELETE'])]
  return [...names, 'OPTIONS'].join(', ')
}
