/** Express with the host's own reading and checking of inputs, and nothing behind it. `node validating.ts PORT` */
import express from 'express'

import { readJsonObject } from '../../../server/body.ts'
import { sendJson } from '../../../server/rest/answer.ts'
import { inputsSchema } from '../../../workers/components.ts'
import { SPEC } from './echo-spec.ts'

const MAX_BODY_BYTES = 16 * 1024 * 1024

const app = express()
app.disable('x-powered-by')
app.set('etag', false)
const check = inputsSchema(SPEC.inputs)
app.post('/echo/predict', async (req, res) => {
  const result = check(await readJsonObject(req, MAX_BODY_BYTES))
  if (result.ok) sendJson(res, 200, result.value)
  else sendJson(res, 400, result.errors)
})
app.listen(Number(process.argv[2]), '127.0.0.1')
