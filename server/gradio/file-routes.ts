/** `/upload`, its progress, and `file=`. */
import type { Request, Response } from 'express'

import { RequestError } from '../../workers/errors.ts'
import { mediaTypeOf } from '../body.ts'
import { EventStream } from '../event-stream.ts'
import { MultipartError, readMultipart } from '../files/multipart.ts'
import { sendFile } from '../files/send.ts'
import { TooLargeError } from '../files/upload.ts'
import { endUnread } from './errors.ts'
import type { GradioHost } from './gradio-host.ts'
import type { Route } from './routes.ts'
import { UploadBoard } from './uploads.ts'

const MAX_FILES = 1_000
const MAX_FIELD_BYTES = 64 * 1024
const MAX_UPLOAD_ID = 256

export function fileRoutes(host: GradioHost): Route[] {
  const board = new UploadBoard()
  const file = (req: Request, res: Response): Promise<void> => sendStored(host, req, res)
  return [
    { method: 'post', path: '/upload', handle: (req, res) => upload(host, board, req, res) },
    { method: 'get', path: '/upload_progress', streams: true, handle: (req, res) => uploadProgress(host, board, req, res) },
    { method: 'get', path: '/file=*path', handle: file },
    { method: 'get', path: '/file/*path', handle: file },
  ]
}

async function upload(host: GradioHost, board: UploadBoard, req: Request, res: Response): Promise<void> {
  host.model(req)
  if (mediaTypeOf(req.headers['content-type']) !== 'multipart/form-data') throw new RequestError('MALFORMED_BODY', 'Invalid content type.')
  const id = uploadId(req)
  const watched = id === null ? undefined : board.begin(id)
  try {
    const { files } = await readMultipart(req, {
      store: host.deps.files,
      maxFileBytes: host.maxUploadBytes,
      maxFiles: MAX_FILES,
      maxFieldBytes: MAX_FIELD_BYTES,
      fileFields: (name) => name === 'files',
      onBytes: (name, bytes) => watched?.add(name, bytes),
    })
    if (files.length === 0) throw new RequestError('MALFORMED_BODY', 'There is no file in the field files.')
    res.json(files.map(({ ref }) => host.deps.files.publicPath(ref)))
  } catch (error) {
    if (!isTooLarge(error)) throw error
    // Gradio's page shows this text as it is.
    endUnread(res)
    res.status(413).type('text/plain').send(`File size exceeded maximum allowed size of ${host.maxUploadBytes} bytes.`)
  } finally {
    if (id !== null) board.finish(id)
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof TooLargeError || (error instanceof MultipartError && error.reason === 'too-large')
}

function uploadId(req: Request): string | null {
  const { upload_id: id } = req.query
  return typeof id === 'string' && id !== '' && id.length <= MAX_UPLOAD_ID ? id : null
}

/** No heartbeats here: Gradio's page takes every other message for progress. */
async function uploadProgress(host: GradioHost, board: UploadBoard, req: Request, res: Response): Promise<void> {
  host.model(req)
  const left = new AbortController()
  res.once('close', () => left.abort())
  const id = uploadId(req)
  const steps = id === null ? null : await board.watch(id, left.signal)
  if (steps === null) {
    if (!res.destroyed) res.status(404).type('text/plain').send('Upload not found')
    return
  }
  const stream = new EventStream(res, null)
  for await (const { name, bytes } of steps) {
    stream.write(`data: ${JSON.stringify({ msg: 'update', orig_name: name, chunk_size: bytes })}\n\n`)
    await stream.drained()
  }
  stream.end('data: {"msg":"done"}\n\n')
}

async function sendStored(host: GradioHost, req: Request, res: Response): Promise<void> {
  host.model(req)
  const { path } = req.params
  const publicPath = Array.isArray(path) ? path.join('/') : (path ?? '')
  const file = await host.deps.files.refFromPublicPath(publicPath)
  // One answer for all that cannot be had, so that nothing is learnt about what there is.
  if (file === null) throw new RequestError('FORBIDDEN', `File not allowed: ${publicPath.slice(0, 200)}.`)
  await sendFile(req, res, file)
}
