/** The named inputs of a prediction request, with all its files stored; whether they fit is for the gateway. */
import type { Request } from 'express'

import type { FileRef } from '../../workers/components.ts'
import type { ModelSpec } from '../../workers/contract.ts'
import type { AppDeps } from '../app.ts'
import { mediaTypeOf } from '../body.ts'
import type { JsonObject } from '../body.ts'
import { readMultipart } from '../files/multipart.ts'
import { publicRoot } from '../security/public-root.ts'
import { inputsFromForm, takesFiles } from './form-inputs.ts'
import { storeInputFiles } from './input-files.ts'
import type { StoredInputs } from './input-files.ts'

const MAX_FORM_FILES = 100

export function isMultipart(req: Request<{ model: string }>): boolean {
  const contentType = req.headers['content-type']
  return contentType !== undefined && contentType !== 'application/json' && mediaTypeOf(contentType) === 'multipart/form-data'
}

/**
 * @param body The JSON body; null: a form, yet to be read.
 * @throws {RequestError} for a form or a file that cannot be taken.
 */
export async function readInputs(deps: AppDeps, req: Request<{ model: string }>, spec: ModelSpec, body: JsonObject | null, signal: AbortSignal): Promise<StoredInputs> {
  const { config, files } = deps
  const maxUploadBytes = config.maxUploadMb * 1024 * 1024
  const uploaded = new Set<FileRef>()
  let inputs = body
  if (inputs === null) {
    const parts = await readMultipart(req, {
      store: files,
      maxFileBytes: maxUploadBytes,
      maxFiles: MAX_FORM_FILES,
      fileFields: (name) => takesFiles(spec.inputs, name),
      maxFieldBytes: config.maxBodyMb * 1024 * 1024,
      signal,
    })
    for (const { ref } of parts.files) uploaded.add(ref)
    inputs = inputsFromForm(spec.inputs, parts)
  }
  const ownFiles = `${publicRoot(req, config.rootPath)}/file/`
  return await storeInputFiles({ specs: spec.inputs, inputs, uploaded, ownFiles, signal }, { files, maxUploadBytes, allowPrivateUrls: config.allowPrivateUrls })
}
