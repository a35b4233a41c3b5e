/** The second ceiling: bare Express, the functions in the same process. `node express.ts PORT` */
import express from 'express'

import { answerOf } from './functions.ts'

const app = express()
app.disable('x-powered-by')
app.set('etag', false)
app.post('/image/predict', express.raw({ type: () => true, limit: '16mb' }), (req, res) => {
  res.type('image/png').send(req.body)
})
app.post('/:model/predict', express.json({ limit: '16mb' }), (req, res) => {
  res.json(answerOf(req.params.model, req.body))
})
app.listen(Number(process.argv[2]), '127.0.0.1')
