/** `GET /file/<area>/<id>/<name>`: uploads, results and examples; nothing else on the disk can be asked for. */
import type { RequestHandler } from 'express'

import { RequestError } from '../../workers/errors.ts'
import type { AppDeps } from '../app.ts'
import { sendFile } from '../files/send.ts'

type FileParams = { area: string; id: string; name: string }

export function createFileHandler(deps: AppDeps): RequestHandler<FileParams> {
  return async (req, res) => {
    const { area, id, name } = req.params
    const file = await deps.files.refFromPublicPath(`${area}/${id}/${name}`)
    if (file === null) throw new RequestError('NOT_FOUND', 'There is no such file.')
    await sendFile(req, res, file)
  }
}
